"""How well a model predicts given solutions: the measure with signal where hardly any program is written right."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from hrmlab.core.batches import Batch
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.code.encoding import Document
from hrmlab.data.written.tokenizer import END, PAD
from hrmlab.evaluation.code.generation import WritingCall
from hrmlab.evaluation.code.sharing import shared
from hrmlab.layers.likelihood import LossKind, token_losses


class _Window(NamedTuple):
    """A stretch of a document, and the number of its last tokens that are scored in it."""

    document: int
    ids: list[int]
    scored: int


def windows(documents: Sequence[Document], sequence_length: int) -> list[_Window]:
    """Cut documents into stretches that fit into a row, such that every token of a solution is scored once.

    A document that fits is one window. Of a longer one, every later window begins half a row before what it scores, so that each token is
    predicted from at least half a row of what stands before it. The end token is not scored: it is no text.
    """
    found = []
    for number, (ids, start) in enumerate(documents):
        ids = ids[:-1] if ids[-1] == END else ids
        begin = start
        while begin < len(ids):
            # ids[first + 1 : stop] are the labels of a row that begins at ``first``.
            stop = min(len(ids), max(sequence_length + 1, begin + sequence_length // 2))
            first = max(0, stop - sequence_length - 1)
            found.append(_Window(number, ids[first:stop], stop - begin))
            begin = stop
    return found


@torch.no_grad()
def solution_bits(
    call: WritingCall,
    documents: Sequence[Document],
    *,
    sequence_length: int,
    likelihood: LossKind,
    batch_size: int,
    device: torch.device,
    rank: int = 0,
    world_size: int = 1,
) -> np.ndarray:
    """(N,) bits that the model needs for each document's solution, given its problem, after all segments.

    Of several processes each reads whole batches and all get the same to the last bit: that of the batches which one process would read.
    """
    bits = np.zeros(len(documents))
    work = sorted(windows(documents, sequence_length), key=lambda window: len(window.ids))
    found: dict[int, np.ndarray] = {}
    for start in range(0, len(work), batch_size)[rank::world_size]:
        part = work[start : start + batch_size]
        width = max(len(window.ids) for window in part) - 1
        inputs = torch.full((len(part), width), PAD, dtype=torch.int64)
        labels = torch.full_like(inputs, IGNORED_LABEL)
        for row, window in enumerate(part):
            length = len(window.ids) - 1
            inputs[row, :length] = torch.tensor(window.ids[:-1])
            labels[row, length - window.scored : length] = torch.tensor(window.ids[-window.scored :])
        batch = Batch(*(tensor.to(device) for tensor in (inputs, labels, torch.zeros(len(part), dtype=torch.int64))))
        carry = call.initial_carry(len(part), call.prefix_length + width)
        logits = None
        for _ in range(call.max_segments):
            carry, prediction = call(carry, batch)
            logits = prediction.logits
        assert logits is not None
        found[start] = token_losses(logits, batch.labels, likelihood).double().sum(dim=-1).cpu().numpy() / math.log(2)
    for start, losses in sorted(shared(found, world_size).items()):
        np.add.at(bits, [window.document for window in work[start : start + batch_size]], losses)
    return bits
