"""Is an exported segment the reasoner's? Answered by running both on rows drawn at random."""

from dataclasses import dataclass

import torch

from hrmlab.core.batches import Batch
from hrmlab.exporting.exported import Exported
from hrmlab.models.reasoner import Reasoner

TOLERANCE = 1e-4
"""Largest difference of any result, absolute and relative to its size, that is no difference: float32 in another order of summation."""


@dataclass(frozen=True)
class Comparison:
    """How far apart an exported segment and its reasoner are.

    Attributes:
        rows, segments: that were compared.
        difference: largest of all results of single segments, each begun from the same states, divided by max(1, its size).
        difference_at_end: the same of the logits of the last segment, each having gone through all of them by itself.
        different_tokens: of rows * S tokens, how many were answered otherwise at the end.
    """

    rows: int
    segments: int
    difference: float
    difference_at_end: float
    different_tokens: int

    def sentence(self) -> str:
        """What a person wants to know."""
        things = "segment" if self.segments == 1 else "segments"
        same = "the same answers" if not self.different_tokens else f"{self.different_tokens} tokens answered otherwise"
        return (
            f"compared with the run on {self.rows} random rows over {self.segments} {things}: largest difference {self.difference:.1e} "
            f"in a single segment, {self.difference_at_end:.1e} at the end; {same}"
        )


@torch.no_grad()
def compare(reasoner: Reasoner, exported: Exported, *, rows: int = 3, seed: int = 0) -> Comparison:
    """Run both through all segments.

    Args:
        reasoner: float32, in evaluation mode, on the CPU.
        exported: made of it.
        rows: random ones.
        seed: of the rows.
    """
    generator, spec = torch.Generator().manual_seed(seed), reasoner.task
    inputs = torch.randint(0, spec.vocabulary_size, (rows, spec.sequence_length), generator=generator)
    batch = Batch(inputs, inputs, torch.randint(0, spec.puzzle_ids, (rows,), generator=generator))
    carry, alone = reasoner.initial_carry(rows), exported.initial_carry(rows)
    single, said, expected = torch.zeros(()), None, None
    for number in range(reasoner.max_segments):
        restart = torch.full((rows,), number == 0)
        after, given = exported({"restart": restart, **carry}, batch)
        carry, expected = reasoner(carry, batch)
        pairs = [(given.logits, expected.logits), *((after[name], state) for name, state in carry.items())]
        pairs += [
            (one, other)
            for one, other in ((given.q_halt_logits, expected.q_halt_logits), (given.q_continue_logits, expected.q_continue_logits))
            if one is not None and other is not None
        ]
        single = torch.maximum(single, torch.stack([_apart(one, other) for one, other in pairs]).max())
        alone, said = exported(alone, batch)
    assert said is not None
    assert expected is not None
    return Comparison(
        rows=rows,
        segments=reasoner.max_segments,
        difference=float(single),
        difference_at_end=float(_apart(said.logits, expected.logits)),
        different_tokens=int((said.logits.argmax(-1) != expected.logits.argmax(-1)).sum()),
    )


def _apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return ((one - other).abs() / other.abs().clamp(min=1)).max()
