"""64-bit hashes of rows of small integers."""

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(value: np.ndarray) -> np.ndarray:
    """The SplitMix64 finaliser (Steele, Lea and Flood 2014) on uint64 arrays."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def row_hash(rows: np.ndarray) -> np.ndarray:
    """(N,) uint64 hash of each row of (N, K) integers; equal rows have equal hashes."""
    state = np.full(len(rows), np.uint64(rows.shape[1]) + _GOLDEN)
    for column in range(rows.shape[1]):
        state = mix(state ^ (rows[:, column].astype(np.int64).view(np.uint64) + _GOLDEN)) + _GOLDEN
    return state
