"""Courses of the learning rate."""

import pytest
import torch
from torch.optim.lr_scheduler import ConstantLR, LRScheduler

from hrmlab.config.values import SCHEDULES
from hrmlab.core.errors import UserError
from hrmlab.training.optimizers import OptimizerBundle

WARMUP, STEPS = 4, 24
HERE = __name__


def rates(kind: str, *, decay_share: float = 0.25, hold_share: float = 0.0) -> list[float]:
    """The rate of each step, of a peak of 2."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    course = {"schedule": kind, "decay_share": decay_share, "hold_share": hold_share}
    bundle = OptimizerBundle([optimizer], warmup_steps=WARMUP, final_learning_rate_ratio=0.1, **course)
    schedule, found = bundle.schedule(steps=STEPS), []
    for _ in range(STEPS + 1):
        found.append(optimizer.param_groups[0]["lr"])
        bundle.step()
        schedule.step()
    return found


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_shape_rises_in_a_line_to_the_peak(kind: str) -> None:
    assert rates(kind)[: WARMUP + 1] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])


def test_the_shapes_after_the_rise() -> None:
    assert rates("constant")[WARMUP:] == [2.0] * (STEPS - WARMUP + 1)
    assert rates("linear")[WARMUP:] == pytest.approx([2 - 1.8 * step / 20 for step in range(21)])
    assert rates("cosine")[14] == pytest.approx(0.2 + 1.8 / 2)
    assert rates("cosine")[9] > rates("linear")[9]
    stable = rates("warmup_stable_decay")  # a quarter of 20 steps falls
    assert stable[WARMUP:20] == pytest.approx([2.0] * 16)
    assert stable[19:] == pytest.approx([2 - 1.8 * step / 5 for step in range(6)])
    assert rates("warmup_stable_decay", decay_share=1.0) == pytest.approx(rates("linear"))
    for kind in ("linear", "cosine", "warmup_stable_decay"):
        assert rates(kind)[-1] == pytest.approx(0.2)


@pytest.mark.parametrize("kind", ["linear", "cosine", "warmup_stable_decay"])
def test_a_course_with_a_hold_is_the_course_of_a_shorter_run_and_then_flat(kind: str) -> None:
    held, whole = rates(kind, hold_share=0.5), rates(kind)
    assert held[14:] == pytest.approx([0.2] * (STEPS + 1 - 14))
    assert held[13] > 0.2
    assert [held[4 + step] for step in range(11)] == pytest.approx([whole[4 + 2 * step] for step in range(11)])
    assert rates("constant", hold_share=0.5) == rates("constant")


def halved(optimizer: torch.optim.Optimizer, *, steps: int, warmup_steps: int, final_learning_rate_ratio: float) -> LRScheduler:
    """A user's own."""
    assert (steps, warmup_steps, final_learning_rate_ratio) == (STEPS, WARMUP, 0.1)
    return ConstantLR(optimizer, factor=0.5, total_iters=1000)


def of_nothing(optimizer: torch.optim.Optimizer) -> None:
    """Takes too little."""


def nothing(optimizer: torch.optim.Optimizer, **_: float) -> None:
    """Returns no scheduler."""


def test_a_users_own_is_found_by_its_path_and_a_wrong_one_is_told() -> None:
    assert rates(f"{HERE}.halved") == [1.0] * (STEPS + 1)
    for path, words in (
        (f"{HERE}.of_nothing", "cannot be called as"),
        (f"{HERE}.nothing", "returned a NoneType"),
        (f"{HERE}.halfed", "has no 'halfed'"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            rates(path)
        assert f"optimizer.schedule={path}" in str(caught.value)
