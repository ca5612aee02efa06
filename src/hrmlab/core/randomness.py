"""Named random streams: randomness addressed by what it is for, never by a shared global state.

``stream(seed, "sudoku", "test", 7)`` is a NumPy generator that depends on all its labels through a hash, so neighbouring
seeds share nothing. ``CounterRandom`` gives the same kind of addressing on a device: the random numbers of example number p
are a pure function of (key, p), so they need no generator state, no host synchronisation and nothing in a checkpoint.
"""

import hashlib

import numpy as np
import torch
from torch import Tensor

_MASK_63 = 0x7FFFFFFFFFFFFFFF


def stream_key(seed: int, *labels: str | int) -> int:
    """A 63-bit key derived by hashing the seed and the labels."""
    text = "\x1f".join([str(seed), *(f"{type(label).__name__}:{label}" for label in labels)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") & _MASK_63


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """A NumPy generator of its own for this seed and these labels."""
    return np.random.default_rng(stream_key(seed, *labels))


def torch_stream(seed: int, *labels: str | int) -> torch.Generator:
    """A CPU torch generator of its own for this seed and these labels."""
    return torch.Generator().manual_seed(stream_key(seed, *labels))


def _shift_right(value: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64 (torch's own is arithmetic)."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _signed(constant: int) -> int:
    """The int64 with the bits of an unsigned 64-bit constant."""
    return constant - (1 << 64) if constant >= 1 << 63 else constant


def mix64(value: Tensor) -> Tensor:
    """The SplitMix64 finaliser (Steele, Lea and Flood 2014) on int64: each input bit flips each output bit with probability 1/2."""
    value = (value ^ _shift_right(value, 30)) * _signed(0xBF58476D1CE4E5B9)
    value = (value ^ _shift_right(value, 27)) * _signed(0x94D049BB133111EB)
    return value ^ _shift_right(value, 31)


def row_numbers(rows: Tensor) -> Tensor:
    """(B,) int64 hashes of rows of integers (B, S): draw numbers of what belongs to a row, whatever batch it is in."""
    places = mix64(torch.arange(rows.shape[1], device=rows.device) * _signed(0x9E3779B97F4A7C15) + 1)
    return mix64(mix64(rows.long() + places).sum(dim=1))


class CounterRandom:
    """Random numbers for a batch of numbered draws, each a pure function of (key, draw number, purpose, column).

    Args:
        key: from :func:`stream_key`.
        draws: (B,) int64 draw numbers; the i-th row of every result belongs to the i-th draw.
    """

    def __init__(self, key: int, draws: Tensor) -> None:
        self.key, self.draws = key, draws

    def uniform(self, purpose: str, columns: int) -> Tensor:
        """(B, columns) float64 in [0, 1)."""
        column_keys = torch.arange(columns, device=self.draws.device) * _signed(0x9E3779B97F4A7C15) + stream_key(self.key, purpose)
        bits = mix64(mix64(self.draws[:, None] + self.key) ^ mix64(column_keys)[None, :])
        return _shift_right(bits, 11).double() * 2.0**-53

    def normal(self, purpose: str, columns: int) -> Tensor:
        """(B, columns) float64 of the standard normal distribution, by its inverse distribution function."""
        centred = 2 * self.uniform(purpose, columns) - (1 - 2.0**-53)  # symmetric, and never -1 or 1
        return 2**0.5 * torch.erfinv(centred)

    def permutation(self, purpose: str, size: int) -> Tensor:
        """(B, size) int64: each row a uniformly random permutation of 0..size-1."""
        return self.uniform(purpose, size).argsort(dim=-1)

    def integers(self, purpose: str, high: int, columns: int = 1) -> Tensor:
        """(B, columns) int64 in 0..high-1."""
        return (self.uniform(purpose, columns) * high).long()
