"""Keys and values of a reasoner in a cache of transformers, so that beams, assisted decoding and whatever else it does with one just work.

Layer index 0 holds the facts of the rows themselves: where each column stands in its document (as the key) and the document's number (as
the value; 0 for padding). The attentions follow from 1 on, in the order in which a step runs them: segment, cycle, layer. So a row is known
from its cache alone, left padding and several documents included, and ``get_seq_length`` counts tokens and no prefix.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import DynamicLayer

from hrmlab.layers.cache import AttentionMemory


@dataclass(frozen=True)
class Columns:
    """The new columns of a batch and those that are there already.

    Attributes:
        positions: (B, T) int64 where each new token stands in its document.
        documents: (B, T) int64 the number of its document, from 1; 0 for padding.
    """

    positions: Tensor
    documents: Tensor

    def up_to(self, last: int) -> "Columns":
        """The same with no position beyond ``last``."""
        return Columns(self.positions.clamp(max=last), self.documents)


def new_columns(tokens: Tensor, own: Tensor, cache: Cache, *, document_start: int | None) -> Columns:
    """What new columns are, given those that the cache knows.

    Args:
        tokens: (B, T) int64.
        own: (B, T) bool, False for padding.
        cache: of the row so far.
        document_start: the token that begins a further document; None where a row is one document.
    """
    position, document = torch.full_like(tokens[:, :1], -1), torch.zeros_like(tokens[:, :1])
    known = _known(cache)
    if known is not None:
        before, documents = known
        document = documents.amax(dim=1, keepdim=True)
        of_last = (documents == document) & (documents > 0)
        position = torch.where(of_last, before, -1).amax(dim=1, keepdim=True)
    along = position + own.cumsum(dim=1)
    if document_start is None:
        return Columns(along.clamp(min=0), own.long())
    starts = own & (tokens == document_start)
    first = torch.where(starts, along, 0).cummax(dim=1).values
    numbers = document.clamp(min=1) + (starts & (along > 0)).cumsum(dim=1)
    return Columns((along - first).clamp(min=0), torch.where(own, numbers, 0))


def _known(cache: Cache) -> tuple[Tensor, Tensor] | None:
    """(B, K) positions and documents of the columns so far."""
    if int(cache.get_seq_length()) == 0:
        return None
    facts: Any = cache.layers[0]
    return facts.keys[:, 0, :, 0], facts.values[:, 0, :, 0]


class CacheMemory(AttentionMemory):
    """A step's view of a transformers cache.

    Args:
        cache: of the row so far; the new columns are entered.
        columns: the new ones.
        prefix: positions before the first token; they come with the first step.
    """

    def __init__(self, cache: Cache, columns: Columns, *, prefix: int) -> None:
        super().__init__()
        self._cache, self._next = cache, 1
        seen = int(cache.get_seq_length())
        positions, documents = columns.positions, columns.documents
        keys, values = self._update(positions[:, None, :, None], documents[:, None, :, None], 0)
        place = seen + torch.arange(positions.shape[1], device=positions.device)
        self._steps = 1 if seen == 0 else 2
        added = prefix if self.in_first_step else 0
        if added:
            before = torch.arange(added, device=positions.device)
            positions = torch.cat((before.expand(len(positions), -1), positions + prefix), dim=1)
            place = torch.cat((before, place + prefix))
            documents = torch.nn.functional.pad(documents, (added, 0))
        elif prefix:
            positions, place = positions + prefix, place + prefix
        self.positions, self.counts = positions, torch.full_like(positions[:, 0], positions.shape[1])
        column = torch.arange(prefix + keys.shape[2], device=positions.device)
        of_column = torch.nn.functional.pad(values[:, 0, :, 0], (prefix, 0))
        same = (of_column[:, None, :] == documents[:, :, None]) & (documents[:, :, None] > 0)
        allowed = (same | (column < prefix)) & (column <= place[:, None])
        # Padding sees itself: an attention over nothing would be NaN.
        self._visible = (allowed | (column == place[:, None]))[:, None]

    @property
    def visible(self) -> Tensor:
        return self._visible

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        index, self._next = self._next, self._next + 1
        return self._update(key, value, index)

    def select(self, rows: Tensor) -> None:
        """See :meth:`hrmlab.layers.decoding.DecodingState.select`."""
        self._cache.batch_select_indices(rows)

    def _update(self, key: Tensor, value: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Enter keys and values at a layer index; a cache made for fewer segments gets further layers."""
        if self._cache.layer_class_to_replicate is None and index >= len(self._cache.layers):
            self._cache.layers.append(DynamicLayer())
        return self._cache.update(key, value, index)
