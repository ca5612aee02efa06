"""Going on beyond training's segments records more answers and changes none of the scores."""

import pytest
import torch

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.evaluation.solve import solve
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer

TASK = TaskSpec(name="test", sequence_length=6, vocabulary_size=5)
WIDTHS = {"task": TASK, "hidden_size": 16, "num_heads": 2, "mlp_width": 24, "embedding": EmbeddingOptions()}
TOKENS = torch.arange(24).view(4, 6) % 5
BATCH = Batch(inputs=TOKENS, labels=TOKENS, puzzle_ids=torch.zeros(4, dtype=torch.int64))


def test_scores_stay_those_of_the_segments_of_training() -> None:
    torch.manual_seed(1)
    hrm = HRM(**WIDTHS, segments=SegmentOptions(max_segments=3), h_layers=1, l_layers=1)
    within, on = solve(hrm, BATCH), solve(hrm, BATCH, beyond=4)
    assert (within.exact_by_segment.shape, on.exact_by_segment.shape) == ((3, 4), (12, 4))
    for name in ("answers", "halting_answers", "segments", "believed", "confidence", "answers_by_segment"):
        torch.testing.assert_close(getattr(on, name), getattr(within, name))
    longer = HRM(**WIDTHS, segments=SegmentOptions(max_segments=12), h_layers=1, l_layers=1)
    longer.load_state_dict(hrm.state_dict())
    assert torch.equal(on.exact_by_segment, solve(longer, BATCH).exact_by_segment)


def test_one_pass_stays_one_pass() -> None:
    assert solve(Transformer(**WIDTHS, layers=1), BATCH, beyond=4).exact_by_segment.shape == (1, 4)


COUNTING = TaskSpec(name="counting", sequence_length=3, vocabulary_size=12)


class Counts(Reasoner):
    """Says the number of the segment at every position, and wants to stop after the ``stops``-th."""

    def __init__(self, *, cap: int, stops: int) -> None:
        super().__init__(task=COUNTING, max_segments=cap, halting=True, continues=False)
        self.stops = stops

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        return {"number": torch.zeros(batch_size, dtype=torch.int64)}

    def forward(self, carry: Carry, batch: Batch, state: object = None) -> tuple[Carry, Prediction]:
        number = carry["number"] + 1
        logits = torch.nn.functional.one_hot(number, 12).float()[:, None].expand(-1, 3, -1)
        return {"number": number}, Prediction(logits, (number >= self.stops).float() - 0.5)


def batch(*answers: int) -> Batch:
    labels = torch.tensor(answers)[:, None].expand(-1, 3)
    return Batch(torch.zeros_like(labels), labels, torch.zeros(len(answers), dtype=torch.int64))


@pytest.mark.parametrize("stops", [1, 3, 5, 9])  # 5 and 9 are beyond the cap: learned halting is cut there all the same
def test_measures_are_read_at_the_cap(stops: int):
    asked, model = batch(2, 4, 7), Counts(cap=4, stops=stops)
    short, long = solve(model, asked), solve(model, asked, beyond=2)
    for name, value in short._asdict().items():
        if name != "exact_by_segment":
            assert torch.equal(value, getattr(long, name)), name
    assert torch.equal(long.exact_by_segment[:4], short.exact_by_segment)
    assert long.exact_by_segment.shape == (8, 3)
    assert long.exact_by_segment.int().argmax(0).tolist() == [1, 3, 6]  # the third is right after the seventh segment only
    assert long.exact_by_segment.sum(0).tolist() == [1, 1, 1]
    assert long.answers[:, 0].tolist() == [4, 4, 4]
    assert long.segments.tolist() == [min(stops, 4)] * 3
