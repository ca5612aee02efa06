"""Does a reasoner see the future? Changing token t must change nothing before t: no logit, no halting score, no state of any cycle."""

import copy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.randomness import torch_stream
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.models.observation import observed
from hrmlab.models.reasoner import Reasoner

LENGTH = 12
"""Tokens of the sequences that are tried exhaustively."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """The first place at which the future shows.

    Attributes:
        changed: position of the changed token.
        seen: an earlier position at which something changed.
        what: ``logits``, ``halting score``, or ``state`` after an application of a stack.
        segment: counted from 1.
        application: which application of a stack within the segment (a cycle), counted from 1; 0 for logits and halting scores.
        difference: largest absolute difference there.
    """

    changed: int
    seen: int
    what: str
    segment: int
    application: int
    difference: float

    def sentence(self) -> str:
        """What leaks, in one sentence."""
        where = f", cycle {self.application}" if self.application else ""
        return (
            f"changing token {self.changed} changes the {self.what} at position {self.seen} in segment {self.segment}{where} "
            f"by {self.difference:.2g}"
        )


@dataclass(frozen=True, kw_only=True)
class Causality:
    """What the audit found.

    Attributes:
        leaks: one for each kind of place (logits, halting score, state) at which the future shows; empty when nothing leaks.
        positions: tokens of the sequences tried, every position of which was changed.
        segments: how many were run.
        applications: stack applications (cycles) watched in each.
    """

    leaks: tuple[Leak, ...]
    positions: int
    segments: int
    applications: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; ``passed`` says it in a word."""
        return {**asdict(self), "passed": not self.leaks, "leaks": [{**asdict(leak), "sentence": leak.sentence()} for leak in self.leaks]}


@torch.no_grad()
def audit_causality(reasoner: Reasoner, *, length: int = LENGTH, seed: int = 0) -> Causality:
    """Try a reasoner on a random sequence and on all sequences that differ from it in one token.

    Weights that start at zero could hide a leak, so a copy is audited whose every weight is disturbed. All sequences go through the
    reasoner side by side, in float32 and in evaluation mode; a causal model gives the same numbers to the bit before the change, up to
    the rounding of differently ordered sums, for which a millionth of the largest value is allowed.

    Args:
        reasoner: left as it is.
        length: of the sequences; the task's own when that is shorter.
        seed: of the sequence and of the disturbance.
    """
    length = min(length, reasoner.task.sequence_length)
    probe = copy.deepcopy(reasoner).float().eval()
    random = torch_stream(seed, "audit", "causality")
    for parameter in probe.parameters():
        spread = max(0.02, float(parameter.std(correction=0)))
        noise = torch.randn(parameter.shape, generator=random) * (0.5 * spread)
        parameter.add_(noise.to(parameter.device))
    device = next(probe.parameters()).device
    vocabulary = reasoner.task.vocabulary_size
    base = torch.randint(0, vocabulary, (length,), generator=random)
    rows = base.repeat(length + 1, 1)
    rows[torch.arange(length) + 1, torch.arange(length)] += torch.randint(1, vocabulary, (length,), generator=random)
    rows = (rows % vocabulary).to(device)
    batch = Batch(rows, torch.full_like(rows, IGNORED_LABEL), torch.zeros_like(rows[:, 0]))
    prefix = probe.prefix_length
    carry = probe.initial_carry(length + 1, prefix + length)
    leaks: dict[str, Leak] = {}
    applications = 0
    for segment in range(1, probe.max_segments + 1):
        with observed(probe) as watched:
            carry, prediction = probe(carry, batch)
        applications = len(watched)
        seen = [("logits", 0, prediction.logits)]
        seen += [(f"state after stack {number}", number, one.state[:, prefix:]) for number, one in enumerate(watched, start=1)]
        for scores in (prediction.q_halt_logits, prediction.q_continue_logits):
            if scores is not None:
                # A score for the whole example decides about every position's answer, so it stands at each of them.
                seen.append(("halting score", 0, (scores if scores.dim() == 2 else scores[:, None].expand(-1, length))[..., None]))
        for what, application, values in seen:
            kind = what.partition(" after")[0]
            leak = _first_leak(values, kind, segment, application)
            if leak is not None:
                leaks.setdefault(kind, leak)
    return Causality(leaks=tuple(leaks.values()), positions=length, segments=probe.max_segments, applications=applications)


def _first_leak(values: Tensor, what: str, segment: int, application: int) -> Leak | None:
    """Compare row t + 1, in which token t differs, with row 0, at the positions before t; values (length + 1, length, channels)."""
    difference = (values[1:] - values[:1]).abs().amax(dim=-1)  # (changed t, position)
    length = len(difference)
    before = torch.ones(length, length, dtype=torch.bool, device=values.device).tril(-1)
    broken = ~(difference <= 1e-6 * values.abs().max().clamp(min=1e-6)) & before
    if not bool(broken.any()):
        return None
    changed, position = (int(number) for number in broken.nonzero()[0])
    size = float(difference[changed, position])
    return Leak(changed=changed, seen=position, what=what, segment=segment, application=application, difference=size)
