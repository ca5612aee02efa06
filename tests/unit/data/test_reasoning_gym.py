"""reasoning-gym's generators as a task: disjoint by content, scored by their own scorers, nothing run that an answer asks for."""

import importlib.metadata
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.reasoning_gym.characters import ALPHABET, read_back, written_out

pytest.importorskip("reasoning_gym", reason="pip install 'hrmlab[reasoning]'")
from hrmlab.data.reasoning_gym.generator import examples, make_generator
from hrmlab.data.reasoning_gym.records import Question, generator_seed
from hrmlab.data.reasoning_gym.scorer import Scorer
from hrmlab.data.reasoning_gym.task import ReasoningGymTask

FEW: dict[str, Any] = {"train_examples": 30, "validation_examples": 5, "test_examples": 10}


def sums(**changes: Any) -> ReasoningGymTask:
    return ReasoningGymTask(**{"dataset": "chain_sum", "options": {"max_terms": 3, "max_digits": 1}, **FEW, **changes})


@given(st.text())
def test_any_text_is_written_in_the_alphabet_and_read_back(text: str) -> None:
    assert set(written_out(text)) <= set(ALPHABET)
    assert read_back(written_out(text)) == text


def test_what_would_not_have_been_written_stays() -> None:
    assert read_back(r"\a \{zz} \{ffffff} \\{41} \{41}") == r"\a \{zz} \{ffffff} \{41} A"


def test_questions_are_disjoint_though_seeds_overlap_and_questions_recur() -> None:
    gym = [make_generator("chain_sum", {"max_terms": 2, "max_digits": 1}, seed=seed, size=9) for seed in (5, 6)]
    assert gym[0][3]["question"] == gym[1][2]["question"], "why splits cannot be made by seed"
    task = sums(options={"max_terms": 2, "max_digits": 1})  # 200 questions in all
    splits = task.load(progress=False)
    texts = [[task.to_text(row) for row in part.inputs] for part in splits.sets().values()]
    assert [len(part) for part in texts] == [30, 5, 10]
    assert len({text for part in texts for text in part}) == 45
    more = sums(options={"max_terms": 2, "max_digits": 1}, train_examples=60).load(progress=False)
    assert [task.to_text(row) for row in more.test.inputs] == texts[2], "more training questions change no other split"
    other = sums(options={"max_terms": 2, "max_digits": 1}, seed=1).load(progress=False)
    assert [task.to_text(row) for row in other.test.inputs] != texts[2]


def test_the_name_is_known_without_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hrmlab.data.reasoning_gym.task.draw_questions", lambda **arguments: pytest.fail("a run's name made its data"))
    assert sums().name == "reasoning_gym_chain_sum"


@pytest.mark.slow
def test_rows_ask_the_answer_and_its_end_and_show_neither() -> None:
    task = sums()
    test = task.load(progress=False).test
    for inputs, labels, rating in zip(test.inputs, test.labels, test.ratings, strict=True):
        question, answer = task.to_text(inputs), task.answer_text(inputs, labels)
        problem = question.removeprefix("State the final answer to the following arithmetic problem: ").removesuffix(" =")
        assert int(answer) == eval(problem)
        asked = labels != IGNORED_LABEL
        assert asked.sum() == rating + 1 == len(answer) + 1
        assert (inputs[asked.argmax() :] == 0).all()
        assert labels[asked][-1] == 1
        assert (task.from_text(question) == inputs).all()
        assert task.to_text(task.completed(inputs, np.where(asked, labels, 40))) == answer
        assert task.is_right(inputs, np.where(asked, labels, 40)) is True
        assert task.is_right(inputs, np.where(asked, 40, 40)) is False
    assert (test.labels[:, :-1] != IGNORED_LABEL).any()
    assert task.is_right(task.from_text("What is 1 + 1?"), test.inputs[0]) is None


@pytest.mark.slow
def test_the_scorer_takes_what_the_label_is_not() -> None:
    task = sums()
    test = task.load(progress=False).test
    answers = [f"{task.answer_text(*row)}.0" for row in zip(test.inputs, test.labels, strict=True)]
    length = max(len(task.to_text(row)) + len(answer) + 1 for row, answer in zip(test.inputs, answers, strict=True))
    task = sums(sequence_length=length)
    test = task.load(progress=False).test
    said = task._rows.answered([task._rows.text(row) for row in test.inputs], answers)
    scores = task.score(test.inputs.astype(np.int64), test.labels, said)
    assert scores["score"].tolist() == [1.0] * len(test)
    assert scores["full_marks"].all()
    never_ends = np.full_like(said, 20)
    assert not task.score(test.inputs, test.labels, never_ends)["score"].any()
    assert {name: values.shape for name, values in task.score(*[test.inputs[:0]] * 3).items()} == {"score": (0,), "full_marks": (0,)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "options"),
    [
        ("graph_color", {"min_num_vertices": 4, "max_num_vertices": 5}),  # an answer is given aside
        ("propositional_logic", {}),
        ("gsm_symbolic", {}),  # metadata that is no literal
        ("knight_swap", {"max_nodes": 6, "impossible_ratio": 0.9}),  # draws from the global generator
        ("emoji_mystery", {}),  # beyond ASCII
        ("bf", {}),  # prints
        ("composite", {"datasets": [{"name": "gcd", "weight": 1.0, "config": {}}, {"name": "lcm", "weight": 1.0, "config": {}}]}),
    ],
)
def test_generators_of_every_kind_give_answers_with_full_marks(dataset: str, options: dict[str, Any], capfd: Any, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    counts: dict[str, Any] = {"train_examples": 4, "validation_examples": 1, "test_examples": 3}
    task = ReasoningGymTask(dataset=dataset, options=options, **counts)
    test = task.load(progress=False).test
    assert task.score(test.inputs, test.labels, np.maximum(test.labels, 0))["full_marks"].all()
    monkeypatch.setenv("HRMLAB_CACHE", str(tmp_path))
    again = ReasoningGymTask(dataset=dataset, options=options, **counts).load(progress=False)
    assert again.test.content_hash() == test.content_hash(), "made anew, it is the same"
    assert capfd.readouterr().out == ""
    assert task.facts()["reasoning_gym"]["dataset"] == dataset


def test_longer_examples_are_left_out_and_counted() -> None:
    whole = sums(options={"max_terms": 6, "max_digits": 3})
    length = whole.spec.sequence_length - 12
    splits = sums(options={"max_terms": 6, "max_digits": 3}, sequence_length=length).load(progress=False)
    assert splits.train.inputs.shape == (30, length)
    assert sum(splits.dropped.values()) > 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"dataset": "chainsum"}, r"data.dataset=chainsum is not in reasoning-gym .*did you mean chain_sum\?"),
        ({"dataset": "zzzz"}, "it has ab, acre, "),
        ({"options": {"min_term": 2}}, r"data.options.min_term is no option of data.dataset=chain_sum; did you mean min_terms\?"),
        ({"options": {"zzzz": 2}}, "it has min_terms, max_terms, min_digits"),
        ({"dataset": "list_functions", "options": {"zzzz": 2}}, "it has none"),
        ({"options": {"seed": 1}}, "data.options.seed=1 is not for options; use data.seed"),
        ({"options": {"min_terms": 9}}, r"does not take data.options \(min_terms=9\): max_terms must be >= min_terms"),
        ({"options": {"min_terms": "two"}}, r"does not take data.options \(min_terms=two\)"),
        ({"dataset": "boxnet", "options": None}, "data.dataset=boxnet gives no answer to question 1, only a scorer"),
        ({"sequence_length": 2}, "holds no question and answer"),
        ({"sequence_length": 50}, "only 0 different questions that fit into data.sequence_length=50 for train where 30"),
        ({"options": {"max_terms": 2, "max_digits": 1}, "train_examples": 500}, r"only \d+ different questions for train where 500"),
        ({"test_examples": 0}, "leaves the test set empty"),
    ],
)
def test_what_cannot_be_is_answered(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        sums(**arguments).load(progress=False)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(MissingExtra, match=r"data=reasoning_gym needs the package 'reasoning-gym'.*hrmlab\[reasoning\]"):
        sums()


def test_global_random_generators_are_left_as_they_were() -> None:
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    next(examples(make_generator("knight_swap", {}, seed=1, size=5), "knight_swap", seed=1))
    assert np.random.random() == expected


@pytest.mark.slow
def test_an_answer_writes_nothing_starts_nothing_and_ends_in_time(tmp_path: Path) -> None:
    seed = generator_seed("spiral_matrix", 0)
    entry = next(examples(make_generator("spiral_matrix", {}, seed=seed, size=5), "spiral_matrix", seed=seed))
    question = Question("test", "q", "a", 0, repr(entry))
    scorer = Scorer(name="spiral_matrix", options={}, seed=seed, size=5, patience=1.0)
    as_list = str([int(number) for number in entry["answer"].split()])
    assert scorer.score(question, as_list) == 0.1, "this scorer does evaluate what it is given"
    file = tmp_path / "written"
    for attack in (
        f"[open({str(file)!r}, 'w').write('x')]",
        f"[__import__('os').system('touch {file}')]",
        f"[__import__('os').mkdir({str(file)!r})]",
        f"[__import__('subprocess').run(['touch', {str(file)!r}])]",
    ):
        assert scorer.score(question, attack) < 0.1
    assert not file.exists()
    begin = time.monotonic()
    assert scorer.score(question, "[9**9**9**9]") == 0.0
    assert time.monotonic() - begin < 10
    assert scorer.score(question, "[exit()]") == 0.0
    assert scorer.score(question, entry["answer"]) == 1.0, "and goes on with the next"


@pytest.mark.slow
def test_files_are_read_and_refused(write_table: Any) -> None:
    task = sums()
    test = task.load(progress=False).test
    known = task.to_text(test.inputs[0]), task.answer_text(test.inputs[0], test.labels[0])
    rows = task.read(write_table([known, ("State the final answer: 2 + 2 =", "4")]))
    assert [task.answer_text(*row) for row in zip(rows.inputs, rows.labels, strict=True)] == [known[1], "4"]
    assert task.score(rows.inputs, rows.labels, np.maximum(rows.labels, 0))["score"].tolist() == [1.0, 1.0]
    assert (task.read(write_table([("1 + 1 =",)], header=("question",)), labelled=False).labels == IGNORED_LABEL).all()
    with pytest.raises(UserError, match=r"row 1 .*have 501 characters where 2 to \d+ fit"):
        task.read(write_table([("1" * 500, "")]))
    with pytest.raises(UserError, match="the question has 500 characters where"):
        task.from_text("1" * 500)
    strict = ReasoningGymTask(dataset="countdown", train_examples=3, validation_examples=1, test_examples=1)
    with pytest.raises(UserError, match=r"row 1 .*scorer of data.dataset=countdown does not give this answer full marks"):
        strict.read(write_table([("Reach 2 with 1 and 1.", "1 + 1")]))


@pytest.mark.slow
def test_the_most_frequent_answer_is_a_trivial_solver() -> None:
    task = ReasoningGymTask(dataset="syllogism", train_examples=60, validation_examples=5, test_examples=20)
    splits = task.load(progress=False)
    found = next(solver for solver in task.trivial(splits.train, splits.test) if solver.name == "most frequent answer")
    said = {task.to_text(task.completed(*row)) for row in zip(splits.test.inputs, found.answers, strict=True)}
    assert said in ({"Yes"}, {"No"})
    assert 0.2 < task.score(splits.test.inputs, splits.test.labels, found.answers)["score"].mean() < 1.0
