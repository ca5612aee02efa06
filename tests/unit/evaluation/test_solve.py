"""Going on beyond training's segments records more answers and changes none of the scores."""

import torch

from hrmlab.core.batches import Batch
from hrmlab.core.task import TaskSpec
from hrmlab.evaluation.solve import solve
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.hrm import HRM
from hrmlab.models.transformer import Transformer

TASK = TaskSpec(name="test", sequence_length=6, vocabulary_size=5)
WIDTHS = {"task": TASK, "hidden_size": 16, "num_heads": 2, "mlp_width": 24, "embedding": EmbeddingOptions()}
TOKENS = torch.arange(24).view(4, 6) % 5
BATCH = Batch(inputs=TOKENS, labels=TOKENS, puzzle_ids=torch.zeros(4, dtype=torch.int64))


def test_scores_stay_those_of_the_segments_of_training() -> None:
    torch.manual_seed(1)
    hrm = HRM(**WIDTHS, segments=SegmentOptions(max_segments=3), h_layers=1, l_layers=1)
    within, on = solve(hrm, BATCH), solve(hrm, BATCH, beyond=4)
    assert within.answers_by_segment.shape == (3, 4, 6)
    assert on.answers_by_segment.shape == (12, 4, 6)
    torch.testing.assert_close(on.answers_by_segment[:3], within.answers_by_segment)
    for name in ("answers", "halting_answers", "segments", "believed", "confidence"):
        torch.testing.assert_close(getattr(on, name), getattr(within, name))
    longer = HRM(**WIDTHS, segments=SegmentOptions(max_segments=12), h_layers=1, l_layers=1)
    longer.load_state_dict(hrm.state_dict())
    torch.testing.assert_close(on.answers_by_segment, solve(longer, BATCH).answers_by_segment)


def test_one_pass_stays_one_pass() -> None:
    assert solve(Transformer(**WIDTHS, layers=1), BATCH, beyond=4).answers_by_segment.shape == (1, 4, 6)
