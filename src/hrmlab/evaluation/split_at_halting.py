"""A split whose examples are solved only to where the model wants to stop: its measures are of the answers there, and of no other."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import torch

from hrmlab.core.batches import Batch
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.loading import EvaluationLoader
from hrmlab.data.task import Task
from hrmlab.evaluation.refilling import answered, halted, rows_of
from hrmlab.evaluation.solve import SegmentCall
from hrmlab.evaluation.split import SplitEvaluator, SplitScore


def score_at_halting(
    call: SegmentCall,
    examples: ExampleSet,
    *,
    task: Task,
    halts: bool,
    slots: int,
    device: torch.device,
    advance: Callable[[int], None] = lambda count: None,
) -> SplitScore:
    """Every example once, through slots that are refilled.

    The result has each measure once, under its own name, and says ``stop``. It has no ``segments_run``, and its table no
    ``exact_by_segment``: nothing is known of later segments.

    Args:
        call: the reasoner; its ``max_segments`` are the most for each example.
        examples: the split.
        task: scores and judges it.
        halts: whether the reasoner has a halting head.
        slots: examples in work at a time.
        device: where it computes.
        advance: is told how many examples more have been counted.
    """
    evaluator = SplitEvaluator(task=task, halts=halts)
    evaluator.record_examples()
    loader = EvaluationLoader(examples, batch_size=slots)

    def batches() -> Iterator[tuple[Batch, torch.Tensor]]:
        for batch in loader:
            kept = batch.rows >= 0
            yield Batch(*(part[kept] for part in batch.examples)), batch.rows[kept]

    rows = (row for batch, _ in batches() for row in rows_of(batch))
    answers = answered(call, rows, slots=slots, device=device)
    for batch, numbers in batches():
        evaluator.count(batch, numbers, halted(islice(answers, len(numbers)), batch.labels))
        advance(len(numbers))
    return _once(evaluator.score(examples, means=evaluator.metrics.compute()), cap=call.max_segments)


def _once(score: SplitScore, *, cap: int) -> SplitScore:
    """Without what would stand there twice, and without what is not known."""
    result = {name: value for name, value in score.result.items() if not name.startswith("halting/") and name != "segments_run"}
    by_rating = [{name: value for name, value in row.items() if not name.startswith("halting/")} for row in score.result["by_rating"]]
    table = score.table.drop(columns=[name for name in score.table if str(name).endswith("_halting") or name == "exact_by_segment"])
    return replace(score, result={**result, "by_rating": by_rating, "stop": "halting", "segments_cap": cap}, table=table)
