"""Segments beyond the cap of the training are seen in accuracy by segment, and in nothing else."""

from dataclasses import replace

import pytest
import torch

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.evaluation.solve import segments_at_test, solve
from hrmlab.models.reasoner import Reasoner

TASK = TaskSpec(name="counting", sequence_length=3, vocabulary_size=12)


class Counts(Reasoner):
    """Says the number of the segment at every position, and wants to stop after the ``stops``-th."""

    def __init__(self, *, cap: int, stops: int, task: TaskSpec = TASK) -> None:
        super().__init__(task=task, max_segments=cap, halting=True, continues=False)
        self.stops = stops

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        return {"number": torch.zeros(batch_size, dtype=torch.int64)}

    def forward(self, carry: Carry, batch: Batch, state: object = None) -> tuple[Carry, Prediction]:
        number = carry["number"] + 1
        logits = torch.nn.functional.one_hot(number, 12).float()[:, None].expand(-1, 3, -1)
        return {"number": number}, Prediction(logits, (number >= self.stops).float() - 0.5)


class OnePass(Reasoner):
    """Has no state."""

    def forward(self, carry: Carry, batch: Batch, state: object = None) -> tuple[Carry, Prediction]:
        return carry, Prediction(torch.zeros(*batch.inputs.shape, 12))


def batch(*answers: int) -> Batch:
    labels = torch.tensor(answers)[:, None].expand(-1, 3)
    return Batch(torch.zeros_like(labels), labels, torch.zeros(len(answers), dtype=torch.int64))


@pytest.mark.parametrize("stops", [1, 3, 5, 9])  # 5 and 9 are beyond the cap: learned halting is cut there all the same
def test_measures_are_read_at_the_cap(stops: int):
    asked, model = batch(2, 4, 7), Counts(cap=4, stops=stops)
    short, long = solve(model, asked), solve(model, asked, segments=8)
    for name, value in short._asdict().items():
        if name != "exact_by_segment":
            assert torch.equal(value, getattr(long, name)), name
    assert torch.equal(long.exact_by_segment[:4], short.exact_by_segment)
    assert long.exact_by_segment.shape == (8, 3)
    assert long.exact_by_segment.int().argmax(0).tolist() == [1, 3, 6]  # the third is right after the seventh segment only
    assert long.exact_by_segment.sum(0).tolist() == [1, 1, 1]
    assert long.answers[:, 0].tolist() == [4, 4, 4]
    assert long.segments.tolist() == [min(stops, 4)] * 3


def test_who_goes_beyond():
    model = Counts(cap=4, stops=1)
    assert segments_at_test(model, beyond=None) == 16
    assert segments_at_test(model, beyond=1) == 4
    assert segments_at_test(model, beyond=3) == 12
    words = Counts(cap=4, stops=1, task=replace(TASK, next_token=True, attention="causal"))
    assert segments_at_test(words, beyond=None) == 4
    assert segments_at_test(words, beyond=2) == 8
    assert segments_at_test(OnePass(task=TASK), beyond=8) == 1
