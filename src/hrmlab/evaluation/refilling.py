"""Any number of examples through a fixed number of slots, answers in their order: an easy example does not wait for a hard one."""

from collections.abc import Iterable, Iterator
from itertools import count, islice

import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.slots import Answer, SegmentSlots
from hrmlab.evaluation.solve import SegmentCall, Solution

Example = tuple[Tensor, Tensor, Tensor]
"""Token ids (S,), labels (S,), which say what is asked, and the puzzle id (): a row of a :class:`Batch`."""


def answered(call: SegmentCall, examples: Iterable[Example], *, slots: int, device: torch.device) -> Iterator[Answer | Exception]:
    """The answer to each example where learned halting stops, in their order.

    An example of which the reasoner raised an error gives that error in its place, and the others their answers. Examples are read as
    slots become free. What waits for an earlier example is bounded: an example holds its slot for at most ``call.max_segments`` steps, in
    which at most as many times ``slots`` others are answered.

    Args:
        call: see :class:`hrmlab.evaluation.slots.SegmentSlots`.
        examples: each of the same length S.
        slots: examples in work at a time.
        device: where it computes.
    """
    work: SegmentSlots[int] = SegmentSlots(call, slots=slots, device=device)
    source, numbers = iter(examples), count()
    finished: dict[int, Answer | Exception] = {}
    turn = 0
    while True:
        new = list(islice(source, work.free))
        if new:
            work.put(list(islice(numbers, len(new))), Batch(*(torch.stack(parts) for parts in zip(*new, strict=True))))
        if not len(work):
            return
        finished.update(work.step())
        while turn in finished:
            yield finished.pop(turn)
            turn += 1


def answered_alone(call: SegmentCall, example: Example, *, device: torch.device) -> tuple[Answer, Tensor]:
    """The answer to one example where learned halting stops, and what was said after each segment, (K, S) in the host's memory.

    Raises:
        Exception: what the reasoner raised.
    """
    said: list[Tensor] = []
    work: SegmentSlots[int] = SegmentSlots(call, slots=1, device=device)
    work.put([0], Batch(*(part[None] for part in example)))
    while True:
        for _, answer in work.step(lambda seen: said.append(seen.said[0].cpu())):
            if isinstance(answer, Exception):
                raise answer
            return answer, torch.stack(said)


def rows_of(batch: Batch) -> Iterator[Example]:
    """The examples of a batch."""
    return zip(*(part.unbind() for part in batch), strict=True)


def halted(answers: Iterable[Answer | Exception], labels: Tensor) -> Solution:
    """The answers to B examples with labels (B, S) as a solution, whose tensors are in the host's memory.

    Raises:
        Exception: the first error among them.
    """
    found: list[Answer] = []
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        found.append(answer)
    tokens = torch.stack([answer.tokens for answer in found])
    believed = [answer.believed for answer in found if answer.believed is not None]
    return Solution(
        answers=tokens,
        halting_answers=tokens,
        segments=torch.tensor([answer.segments for answer in found], dtype=torch.float64),
        believed=torch.tensor(believed) if believed else None,
        answers_by_segment=tokens[None],
        exact_by_segment=correctness(tokens, labels.cpu()).exact[None],
        confidence=torch.tensor([answer.confidence for answer in found]),
    )
