"""What a task's trivial solvers score: the same measures, by the same code, as a model's answers."""

import math
from typing import Any

import torch

from hrmlab.core.batches import Batch
from hrmlab.data.example_set import Splits
from hrmlab.data.task import Task
from hrmlab.data.trivial import Trivial, sample
from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.solve import Solution
from hrmlab.evaluation.split import SplitEvaluator

MOST_EXAMPLES = 1_000
"""Of a larger test split so many are answered."""


def trivial_scores(task: Task, splits: Splits) -> list[dict[str, Any]]:
    """One entry for each trivial solver, JSON values: ``name``, ``meaning``, ``count`` of the test examples it answered, every measure."""
    test = sample(splits.test, MOST_EXAMPLES)
    rows = torch.arange(len(test))
    batch = Batch(*(torch.from_numpy(part).long() for part in (test.inputs, test.labels, test.puzzle_ids)))
    found = []
    for solver in task.trivial(splits.train, test):
        evaluator = SplitEvaluator(task=task, halts=False)
        evaluator.record_examples()
        evaluator.count(batch, rows, _solution(solver, batch))
        result = {**evaluator.score(test, means=evaluator.metrics.compute()).result, **solver.expected}
        values = {measure.name: value for measure in task.measures if isinstance(value := result.get(measure.name), float)}
        found.append({"name": solver.name, "meaning": solver.meaning, "count": len(test), **values})
    return found


def _solution(solver: Trivial, batch: Batch) -> Solution:
    """The answers as if a model had given them at once."""
    answers = torch.from_numpy(solver.answers).long()
    nothing = torch.full((len(answers),), math.nan)
    exact = correctness(answers, batch.labels).exact
    return Solution(answers, answers, torch.ones(len(answers), dtype=torch.float64), None, answers[None], exact[None], nothing)
