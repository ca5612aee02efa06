"""Keys and values of the positions that a causal reasoner has been through, for generation one token at a time.

In causal attention position t, at any segment, cycle and layer, depends on positions up to t at that same stage only. So what a stage
computed for a position never changes when tokens are added, and one memory per (segment, cycle, layer) makes generation exact, however
recurrent the reasoner is: the n-th attention of a step owns the n-th memory.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from hrmlab.layers.decoding import DecodingState


class CompiledMemories:
    """The memories of the attentions of one compiled stage, for a step of one new token in each row.

    Every shape is that of the whole capacity, whatever has been written: what is compiled once serves all steps. The attention needs a mask
    then, :attr:`KeyValueCache.reached`.

    Args:
        keys, values: (B, H, capacity, channels) of each attention, written in place.
        places: (B,) int64 where each row's new token stands.
    """

    def __init__(self, keys: list[Tensor], values: list[Tensor], places: Tensor) -> None:
        self._keys, self._values, self._places, self._next = keys, values, places, 0

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`KeyValueCache.extend`, with (B, H, 1, channels) in and (B, H, capacity, channels) out."""
        keys, values = self._keys[self._next], self._values[self._next]
        self._next += 1
        rows = torch.arange(len(key), device=key.device)
        keys[rows, :, self._places] = key[:, :, 0]
        values[rows, :, self._places] = value[:, :, 0]
        return keys, values


class AttentionMemory(DecodingState):
    """What attention asks of a memory of keys and values, wherever it keeps them."""

    @property
    @abstractmethod
    def visible(self) -> Tensor | None:
        """(B, 1, T, K) bool: the keys that each new position may see; None where all new positions see all there are."""

    @abstractmethod
    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Remember the new (B, H, T, channels) keys and values and return those of all positions so far, (B, H, K, channels)."""


class KeyValueCache(AttentionMemory):
    """One growing (key, value) pair for each attention that a generation step calls.

    Args:
        capacity: positions that a row can hold.
    """

    def __init__(self, *, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._next = 0
        self._longest = 0
        self._level = False
        self._reached: Tensor | None = None

    @property
    def attentions(self) -> int:
        """How many attentions have been called in this step."""
        return self._next

    def __len__(self) -> int:
        """How many attentions remember something."""
        return len(self._keys)

    @property
    def nbytes(self) -> int:
        """Memory of all keys and values, in bytes."""
        return sum(part.nbytes for part in (*self._keys, *self._values))

    def begin(self, positions: Tensor, *, counts: Tensor, longest: int, level: bool = False) -> None:
        """See :meth:`DecodingState.begin`. What fills up a shorter row is remembered too, and overwritten before anything may see it."""
        super().begin(positions, counts=counts, longest=longest, level=level)
        self._longest, self._level, self._next, self._reached = longest, level, 0, None

    @property
    def visible(self) -> Tensor | None:
        """(B, 1, T, longest) bool: the keys at or before each new position; None where a single new position sees all there are."""
        if self._level and self.positions.shape[1] == 1:
            return None
        keys = torch.arange(self._longest, device=self.positions.device)
        return (keys <= self.positions[..., None])[:, None]

    @property
    def reached(self) -> Tensor:
        """(B, 1, T, capacity) bool: the same of all that can ever be held, of which what is not written yet may not be seen."""
        if self._reached is None:
            places = torch.arange(self.capacity, device=self.positions.device)
            self._reached = (places <= self.positions[..., None])[:, None]
        return self._reached

    def for_compiled(self, count: int) -> CompiledMemories:
        """The memories of the next ``count`` attentions, which have all been called before; they count as called."""
        begin, self._next = self._next, self._next + count
        return CompiledMemories(self._keys[begin : self._next], self._values[begin : self._next], self.positions[:, 0])

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Remember the new (B, H, T, channels) keys and values and return those of all positions so far, (B, H, longest, channels)."""
        B, H, _, channels = key.shape
        if self._next == len(self._keys):
            self._keys.append(key.new_zeros((B, H, self.capacity, channels)))
            self._values.append(value.new_zeros((B, H, self.capacity, channels)))
        keys, values = self._keys[self._next], self._values[self._next]
        self._next += 1
        if self._level:
            start = self._longest - key.shape[2]
            keys[:, :, start : self._longest] = key
            values[:, :, start : self._longest] = value
        else:
            place = self.positions[:, None, :, None].expand_as(key)
            keys.scatter_(2, place, key)
            values.scatter_(2, place, value)
        return keys[:, :, : self._longest], values[:, :, : self._longest]

    def select(self, rows: Tensor) -> None:
        """See :meth:`DecodingState.select`."""
        self._keys = [part[rows] for part in self._keys]
        self._values = [part[rows] for part in self._values]
