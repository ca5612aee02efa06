"""Does a reasoner stay with what it found? Fixed points of answers over segments, and questions with little left to find.

HRM was found to leave right answers again when it goes on, to settle on wrong ones, and to fail on puzzles with a single empty cell, while
the one-step gradient that trains it assumes that it comes to rest ("Are Your Reasoning Models Reasoning or Guessing?", arXiv 2601.10679).
Everything here is read off the answers, so it holds for every arm that carries a state from segment to segment.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.progress import progress_bar
from hrmlab.core.quantities import operations
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.loading import EvaluationLoader
from hrmlab.data.task import Task
from hrmlab.evaluation.solve import SegmentCall
from hrmlab.evaluation.trajectory import Trajectory, follow
from hrmlab.statistics.intervals import Estimate, wilson_interval


@dataclass(frozen=True)
class Share:
    """``count`` of ``of`` examples."""

    count: int
    of: int

    @property
    def estimate(self) -> Estimate | None:
        """With Wilson's interval; None of no example."""
        return wilson_interval(self.count, self.of)

    def to_dict(self) -> dict[str, Any]:
        """JSON values: the counts, the share, and both ends of its 95 % interval."""
        found = self.estimate
        share = {} if found is None else {"share": found.value, "low": found.low, "high": found.high}
        return {"count": self.count, "of": self.of, **share}


@dataclass(frozen=True, kw_only=True)
class Settling:
    """After how many segments the answers that came to rest had their last value, counted from 1.

    Attributes:
        count: answers that came to rest; the numbers are None of none.
        median, ninetieth, latest: segments after which half of them, 90 % of them, and all of them no longer changed.
    """

    count: int
    median: float | None
    ninetieth: float | None
    latest: int | None


@dataclass(frozen=True, kw_only=True)
class Level:
    """What was solved, after the segments of training, where only ``left`` tokens were still to be found; None: the question as it is."""

    left: int | None
    solved: Share


@dataclass(frozen=True, kw_only=True)
class Stability:
    """What the audit found.

    Attributes:
        examples: N.
        cap: segments of training.
        segments: how many were run, K.
        window: an answer is at rest that did not change over so many last segments.
        solved: right after the segments of training, of all.
        kept: of these, right after every further segment.
        solved_at_end: of these, right after the last one.
        ever_solved: right after any segment, of all.
        never_left: of these, right from the first time on.
        right_at_rest, right_in_motion, wrong_at_rest, wrong_in_motion: all examples after K segments; a wrong answer at rest is stuck at a
            wrong fixed point.
        settling: of right and of wrong answers at rest.
        by_segment: right after each of the K segments, of all.
        by_left: by what was left to find, fewest first and the whole question last; empty where the task has no easier questions.
    """

    examples: int
    cap: int
    segments: int
    window: int
    solved: Share
    kept: Share
    solved_at_end: Share
    ever_solved: Share
    never_left: Share
    right_at_rest: Share
    right_in_motion: Share
    wrong_at_rest: Share
    wrong_in_motion: Share
    settling: dict[str, Settling]
    by_segment: tuple[Share, ...]
    by_left: tuple[Level, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **{name: value.to_dict() if isinstance(value, Share) else value for name, value in values.items()},
            "settling": {name: asdict(found) for name, found in self.settling.items()},
            "by_segment": [share.to_dict() for share in self.by_segment],
            "by_left": [{"left": level.left, **level.solved.to_dict()} for level in self.by_left],
        }


def audit_stability(
    call: SegmentCall,
    *,
    task: Task,
    examples: ExampleSet,
    beyond: int = 4,
    batch_size: int = 256,
    device: torch.device | str = "cpu",
    progress: bool = False,
    flops: float = 0,
) -> Stability:
    """Follow every example beyond the segments of training, and ask easier variants of it.

    Args:
        call: the reasoner; it must carry a state.
        task: knows how a question is made easier.
        examples: with their answers.
        beyond: run so many times the segments of training; at least 2.
        batch_size: examples at a time.
        device: where the reasoner is.
        progress: show a bar.
        flops: floating-point operations of one segment of one question, for the bar; 0 where nobody counted.

    Raises:
        UserError: a reasoner without a state, no examples, or nothing beyond the segments of training.
    """
    if not call.initial_carry(1):
        raise UserError(
            "the model answers in one pass and carries nothing from segment to segment, so it has no answer to leave or to keep"
        )
    if beyond < 2:
        raise UserError(f"beyond={beyond} does not go beyond the segments of training; give at least 2")
    if len(examples) == 0:
        raise UserError(f"there is no {task.words.example} to follow; give at least one")
    cap = call.max_segments
    levels = list(_levels(task, examples))
    work = len(examples) * cap * beyond + sum(len(easier) for _, easier in levels) * cap
    title = f"segments ({operations(work * flops)})" if flops else "segments"
    with progress_bar(title, work, shown=progress) as advance:

        def run(asked: ExampleSet, segments: int) -> Trajectory:
            parts = []
            for batch in EvaluationLoader(asked, batch_size=batch_size):
                kept = batch.rows >= 0
                found = follow(call, Batch(*(part.to(device) for part in batch.examples)), segments=segments)
                parts.append(Trajectory(*(part.cpu()[:, kept] for part in found)))
                advance(int(kept.sum()) * segments)
            return Trajectory(*(torch.cat(together, dim=1) for together in zip(*parts, strict=True)))

        whole = run(examples, cap * beyond)
        easier = [Level(left=left, solved=_share(run(asked, cap).exact[-1].numpy())) for left, asked in levels]
    return measured(whole, cap=cap, easier=easier)


def measured(trajectory: Trajectory, *, cap: int, easier: list[Level]) -> Stability:
    """What trajectories of K segments amount to, where training had ``cap`` of them."""
    exact, changed = trajectory.exact.numpy(), trajectory.changed.numpy()
    segments, count = exact.shape
    window = max(1, segments // 4)
    solved, right, ever = exact[cap - 1], exact[-1], np.asarray(exact.any(axis=0))
    first = exact.argmax(axis=0)
    since_first = np.asarray((exact | (np.arange(segments)[:, None] < first)).all(axis=0))
    rests = ~changed[len(changed) - window :].any(axis=0)
    # The segment whose answer is the last one: after the last change, or the first of all.
    settled = np.where(changed.any(axis=0), len(changed) - changed[::-1].argmax(axis=0) + 1, 1) if len(changed) else np.ones(count, int)
    whole = Level(left=None, solved=_share(solved))
    return Stability(
        examples=count,
        cap=cap,
        segments=segments,
        window=window,
        solved=whole.solved,
        kept=_share(np.asarray(exact[cap - 1 :].all(axis=0)), of=solved),
        solved_at_end=_share(right, of=solved),
        ever_solved=_share(ever),
        never_left=_share(since_first, of=ever),
        right_at_rest=_share(right & rests),
        right_in_motion=_share(right & ~rests),
        wrong_at_rest=_share(~right & rests),
        wrong_in_motion=_share(~right & ~rests),
        settling={"right": _settling(settled[right & rests]), "wrong": _settling(settled[~right & rests])},
        by_segment=tuple(_share(row) for row in exact),
        by_left=(*easier, whole) if easier else (),
    )


def _share(outcomes: np.ndarray, *, of: np.ndarray | None = None) -> Share:
    """How many of the (N,) bool outcomes are true, of all or of those marked in ``of``."""
    return Share(int(outcomes.sum()), len(outcomes)) if of is None else Share(int((outcomes & of).sum()), int(of.sum()))


def _settling(segments: np.ndarray) -> Settling:
    if len(segments) == 0:
        return Settling(count=0, median=None, ninetieth=None, latest=None)
    # Of whole segments the share that is reached, not one between two of them.
    median, ninetieth = (float(np.quantile(segments, part, method="inverted_cdf")) for part in (0.5, 0.9))
    return Settling(count=len(segments), median=median, ninetieth=ninetieth, latest=int(segments.max()))


def _levels(task: Task, examples: ExampleSet) -> Iterator[tuple[int, ExampleSet]]:
    """Easier questions with 1, 2, 3, 4, 6, 8, 12, 16 ... tokens left to find, as long as any question has so many."""
    left = 1
    while (easier := task.easier(examples, left=left)) is not None and len(easier) > 0:
        yield left, easier
        left = _next_level(left)


def _next_level(left: int) -> int:
    """1, 2, 3, 4, 6, 8, 12, 16 ...: twice for every doubling."""
    power = 1 << (left.bit_length() - 1)
    return left + 1 if left < 4 else (left + power // 2 if left == power else 2 * power)
