"""Several answers to each question, of which one is taken: noisy trajectories, the best by the halting score (Probabilistic TRM, Sghaier,
Parviz and Jolicoeur-Martineau 2026, arXiv 2605.19943), and views of the question that vote.

Nothing is trained for it. All random numbers belong to the question: they are the same in whatever batch it is, on every process.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hrmlab.config.schema import Evaluation
from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import CounterRandom, row_numbers, stream_key
from hrmlab.core.symmetry import Symmetry
from hrmlab.data.task import Task
from hrmlab.evaluation.solve import SegmentCall, Solution, solve

_VARIANT = 0x632BE59BD9B4E019  # an odd constant: variants of a row get numbers far from each other


@dataclass(frozen=True, kw_only=True)
class Several:
    """How many answers are given to each question.

    Attributes:
        trajectories: for each view; all but the first are noisy. The one with the largest halting score is the view's.
        noise: standard deviation of the Gaussian noise that is added to every state before each segment.
        views: symmetric images of the question, the question itself the first. The answer that most of them give is taken; among answers of
            as many votes the one with the largest halting score, else the first.
    """

    trajectories: int = 1
    noise: float = 0.0
    views: int = 1

    @classmethod
    def of(cls, settings: Evaluation) -> "Several":
        """As the evaluation section says."""
        return cls(trajectories=settings.trajectories, noise=settings.noise, views=settings.views)

    @property
    def alone(self) -> bool:
        """Whether there is one answer to each question and nothing to choose."""
        return self.trajectories == self.views == 1

    def check(self, task: Task, *, halts: bool) -> None:
        """Refuse what the task or the arm cannot do.

        Raises:
            UserError: trajectories of an arm without a halting score, or views of a task without symmetries.
        """
        if self.trajectories > 1 and not halts:
            raise UserError(
                f"evaluation.trajectories={self.trajectories} are chosen among by the halting score, and this arm has none; "
                "use trajectories=1, or an arm that learns when to stop (model.halting=true)"
            )
        if (self.trajectories > 1 or self.views > 1) and task.spec.attention == "causal":
            raise UserError(
                f"evaluation.trajectories={self.trajectories} and evaluation.views={self.views} are for puzzles, and {task.spec.name} is "
                "read token by token; use 1 for both"
            )
        nothing = torch.zeros((1, task.spec.sequence_length), dtype=torch.int64)
        if self.views > 1 and task.symmetry(nothing, _random(nothing[:, 0], 1)) is None:
            raise UserError(f"evaluation.views={self.views} needs symmetries, and {task.spec.name} has none; use evaluation.views=1")

    def solve(self, call: SegmentCall, batch: Batch, task: Task, *, beyond: int = 1) -> tuple[Solution, Tensor]:
        """What was taken of all answers to B questions, and which: (B,) int64, view * trajectories + trajectory."""
        numbers = row_numbers(torch.cat((batch.inputs, batch.puzzle_ids[:, None]), dim=1))
        best: list[Solution] = []
        chosen: list[Tensor] = []
        for view in range(self.views):
            symmetry = task.symmetry(batch.inputs, _random(numbers, view)) if view else None
            found = []
            for trajectory in range(self.trajectories):
                random = _random(numbers, view * self.trajectories + trajectory)
                found.append(solve(_Varied(call, symmetry, random, self.noise if trajectory else 0.0), batch, beyond=beyond))
            which = _largest(torch.stack([one.confidence for one in found]))
            best.append(_taken(found, which))
            chosen.append(view * self.trajectories + which)
        winner = _voted(torch.stack([one.answers for one in best]), torch.stack([one.confidence for one in best]))
        return _taken(best, winner), torch.stack(chosen).gather(0, winner[None])[0]


def _random(numbers: Tensor, variant: int) -> CounterRandom:
    """The random numbers of one variant of each row (B,)."""
    return CounterRandom(stream_key(0, "several answers", variant), numbers)


def _largest(scores: Tensor) -> Tensor:
    """(B,) int64 which of K scores (K, B) is the largest, the first of equal ones; NaN is below all."""
    return torch.nan_to_num(scores, nan=-torch.inf).argmax(dim=0)


def _voted(answers: Tensor, confidence: Tensor) -> Tensor:
    """(B,) int64 which of K answers (K, B, S) most are equal to; see :class:`Several` for ties."""
    votes = (answers[:, None] == answers[None]).all(dim=-1).sum(dim=0)
    leading = votes == votes.max(dim=0).values
    return _largest(torch.where(leading, torch.nan_to_num(confidence, nan=-1e30), -torch.inf))


def _taken(solutions: list[Solution], which: Tensor) -> Solution:
    """Of each row the solution that is chosen, (B,) int64 into the list."""
    rows = torch.arange(len(which), device=which.device)

    def pick(part: Callable[[Solution], Tensor], *, batch_at: int = 0) -> Tensor:
        stacked = torch.stack([part(one) for one in solutions])
        return stacked[which, rows] if batch_at == 0 else stacked[which, :, rows].transpose(0, 1)

    believed = [one.believed for one in solutions if one.believed is not None]
    return Solution(
        pick(lambda one: one.answers),
        pick(lambda one: one.halting_answers),
        pick(lambda one: one.segments),
        torch.stack(believed)[which, rows] if believed else None,
        pick(lambda one: one.answers_by_segment, batch_at=1),
        pick(lambda one: one.exact_by_segment, batch_at=1),
        pick(lambda one: one.confidence),
    )


class _Varied:
    """A reasoner that is shown images of the questions, with noise on its states; what it says is turned back."""

    def __init__(self, call: SegmentCall, symmetry: Symmetry | None, random: CounterRandom, noise: float) -> None:
        self._call, self._symmetry, self._random, self._noise = call, symmetry, random, noise
        self.max_segments = call.max_segments
        self._segment = 0

    def initial_carry(self, batch_size: int) -> Carry:
        return self._call.initial_carry(batch_size)

    def __call__(self, carry: Carry, batch: Batch) -> tuple[Carry, Prediction]:
        self._segment += 1
        if self._noise:
            carry = {name: self._noisy(name, state) for name, state in carry.items()}
        if self._symmetry is None:
            return self._call(carry, batch)
        carry, prediction = self._call(carry, batch._replace(inputs=self._symmetry.image(batch.inputs)))
        return carry, prediction._replace(logits=self._symmetry.undo(prediction.logits))

    def _noisy(self, name: str, state: Tensor) -> Tensor:
        """A state with noise; what is no floating-point number counts something, and stays."""
        if not state.is_floating_point():
            return state
        drawn = self._random.normal(f"segment {self._segment} {name}", state[0].numel()).view_as(state)
        return state + self._noise * drawn.to(state.dtype)
