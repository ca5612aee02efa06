"""Figures of a trace: drawn of what there is, left out where a model has none, and right in what they compute."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.core.errors import UserError
from hrmlab.core.trace import CycleTrace, Movement, SegmentTrace, Trace
from hrmlab.reporting.figures.traced.halting import draw_depths
from hrmlab.reporting.figures.traced.seen import Seen
from hrmlab.reporting.figures.traced.states import principal_components
from hrmlab.reporting.figures.traced.write import figures_folder, write_figures

LENGTH = 4
PNG = b"\x89PNG"


def seen(*, segments: int = 3, halts: bool = True, causal: bool = False, cycles: int = 2, grid: tuple[int, int] | None = (2, 2)) -> Seen:
    random = np.random.default_rng(0)

    def cycle() -> CycleTrace:
        maps = tuple(random.dirichlet(np.ones(LENGTH + 1), (1, LENGTH + 1)).astype(np.float32) for _ in range(2))
        state = random.normal(size=(LENGTH + 1, 3)).astype(np.float32)
        return CycleTrace(stack="level", name="z", state=state, movement=Movement(norm=1.0, change=0.5), tokens=None, attention=maps)

    def segment(number: int) -> SegmentTrace:
        score = np.array([number - 2.5] * (LENGTH if causal else 1), np.float32).reshape(LENGTH if causal else ())
        return SegmentTrace(
            number=number,
            tokens=np.array([0, 1, 1, number % 2]),
            probabilities=np.full(LENGTH, 0.9, np.float32),
            q_halt=score if halts else None,
            q_continue=0 * score if halts else None,
            carry={},
            cycles=tuple(cycle() for _ in range(cycles)),
        )

    trace = Trace(
        inputs=np.array([0, 2, 2, 2]),
        prefix_length=1,
        segments=tuple(segment(number + 1) for number in range(segments)),
        cap=2,
        halting_segment=2.6,
    )
    texts = ["".join("ab."[token] for token in row) for row in (trace.inputs, *trace.answers)]
    return Seen(
        trace=trace,
        title="arm on task",
        token="cell",
        question=texts[0],
        answers=tuple(texts[1:]),
        labels=np.array([-100, 1, 0, 1]),
        grid=grid,
    )


@pytest.mark.slow
def test_all_figures_are_written(tmp_path: Path) -> None:
    for number, one in enumerate((seen(), seen(grid=None, causal=True), dataclasses.replace(seen(segments=30), labels=None))):
        written = write_figures(one, tmp_path, stem=f"puzzle_{number}")
        assert [path.name for path in written] == [
            f"puzzle_{number}_{name}.png" for name in ("solution", "q_values", "states", "attention")
        ]
        assert all(path.read_bytes().startswith(PNG) for path in written)


def test_what_a_model_has_not_is_left_out(tmp_path: Path) -> None:
    written = write_figures(seen(segments=1, halts=False, cycles=0), tmp_path, stem="x")
    assert [path.name for path in written] == ["x_solution.png"]


def test_where_it_stops_and_what_is_wrong() -> None:
    assert seen().halting_segment == 3
    assert seen().halting_words == "learned halting stops here"
    forced = dataclasses.replace(seen().trace, halting_segment=2.0)
    assert dataclasses.replace(seen(), trace=forced).halting_words == "stopped here by the last segment"
    assert seen(causal=True).halting_segment is None
    assert seen(halts=False).halting_segment is None
    np.testing.assert_array_equal(seen().wrong(np.array([1, 1, 1, 1])), [False, False, True, False])  # what is not asked is not wrong
    assert not dataclasses.replace(seen(), labels=None).wrong(np.zeros(LENGTH, int)).any()


@given(st.integers(2, 8), st.integers(0, 1000))
def test_principal_components_keep_distances_in_a_plane(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    plane, _ = np.linalg.qr(random.normal(size=(12, 2)))
    points = random.normal(size=(count, 2))
    found, shares = principal_components((points @ plane.T + 5.0).reshape(count, 4, 3))
    assert shares.sum() == pytest.approx(1.0)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found[None], axis=-1), distances, atol=1e-8)
    variances = found.var(axis=0)
    assert variances[0] >= variances[1] - 1e-12


def test_states_that_do_not_move_have_no_components() -> None:
    found, shares = principal_components(np.ones((3, 4)))
    assert (found == 0).all()
    assert (shares == 0).all()


def test_depths_of_examples_and_of_tokens() -> None:
    whole, mean = np.array([1.0, 2.0, 2.0, 4.0]), np.array([1.5, 2.25])
    assert draw_depths(whole, cap=4, title="t", things="puzzles", right=whole == 2).startswith(PNG)
    assert draw_depths(mean, cap=4, title="t", things="rows").startswith(PNG)


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="figures="):
        figures_folder(tmp_path / "file")
    figures_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
