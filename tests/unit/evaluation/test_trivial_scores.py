"""Trivial solvers are scored by the code that scores models, on a sample of a large test split."""

from typing import Any

import numpy as np
import pytest

from hrmlab.config.composition import composer
from hrmlab.core.components import call
from hrmlab.core.measures import EXACT_ACCURACY, Measure
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.sudoku.task import SudokuTask
from hrmlab.data.task import Answers, Judgement
from hrmlab.data.trivial import Trivial
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation import trivial as module
from hrmlab.evaluation.code.trivial import returning_the_argument
from hrmlab.evaluation.trivial import trivial_scores

SIZES = {"side": 4, "train_examples": 30, "validation_examples": 5, "test_examples": 40}


class Judged(SudokuTask):
    """Judged as a whole, with two solvers of its own."""

    measures = (Measure(name="judged", wording="judged", meaning="how many grids were seen", unit="number", counts=True), EXACT_ACCURACY)

    def judge(self, examples: ExampleSet, answers: Answers) -> Judgement:
        return Judgement({"judged": float(len(answers.fixed))})

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        return [
            Trivial(name="right", meaning="the answer", answers=test.labels),
            Trivial(name="wrong", meaning="padding", answers=np.zeros_like(test.labels), expected={"exact_accuracy": 0.25}),
        ]


def test_every_solver_is_scored_under_every_measure() -> None:
    task = call(SudokuTask, **SIZES)
    splits = task.load(progress=False)
    found = {entry["name"]: entry for entry in trivial_scores(task, splits)}
    assert list(found) == [
        "copy the input",
        "most frequent token",
        "most frequent token by position",
        "guess among candidates",
        "fill by elimination",
    ]
    assert {frozenset(entry) for entry in found.values()} == {
        frozenset({"name", "meaning", "count", "breaks_no_rule", "exact_accuracy", "cell_accuracy"})
    }
    assert found["copy the input"]["cell_accuracy"] == pytest.approx(float((splits.test.inputs == splits.test.labels).mean()))
    assert found["copy the input"]["exact_accuracy"] == 0.0
    assert found["fill by elimination"]["exact_accuracy"] == found["fill by elimination"]["breaks_no_rule"] == 1.0
    assert found["most frequent token"]["cell_accuracy"] == pytest.approx(0.25)
    guess = found["guess among candidates"]
    assert found["copy the input"]["cell_accuracy"] < guess["cell_accuracy"] < 1
    assert guess["breaks_no_rule"] == guess["exact_accuracy"]
    assert trivial_scores(task, splits) == list(found.values())  # a run that goes on finds the same


def test_the_task_judges_and_expectations_go_before_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EXAMPLES", 10)
    task = call(Judged, **SIZES)
    right, wrong = trivial_scores(task, task.load(progress=False))
    assert right == {"name": "right", "meaning": "the answer", "count": 10, "judged": 10.0, "exact_accuracy": 1.0}
    assert (wrong["judged"], wrong["exact_accuracy"]) == (10.0, 0.25)


def record(name: str, signature: str, result: str) -> CodeRecord:
    test = f"def check(candidate):\n    assert candidate(3) == {result}\n"
    return CodeRecord(name, f'def f({signature}):\n    """Do."""\n', f"    return {result}\n", test, "f", 1, "integers", "", ())


def test_a_program_that_returns_its_argument_is_run() -> None:
    with composer([]) as composing:
        settings = composing.compose(["evaluation.ks=[5]", "evaluation.samples=5", "evaluation.workers=1"]).config.evaluation
    problems = [record("same", "n", "3"), record("other", "n", "4"), record("rest", "*n", "3"), record("also", "n, k=1", "3")]
    found: dict[str, Any] = returning_the_argument(problems, settings=settings)
    assert (found["name"], found["count"], found["pass_at_1"]) == ("return the argument", 4, 0.5)
