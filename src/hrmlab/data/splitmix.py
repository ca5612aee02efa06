"""A small random generator that compiled code can carry along: SplitMix64 (Steele, Lea and Flood 2014)."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def draw_bits(state):
    """The next 64 bits; ``state`` is (1,) uint64 and is advanced in place."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def draw_integer(state, high):
    """An integer in 0..high-1."""
    return np.int64((draw_bits(state) >> np.uint64(11)) % np.uint64(high))


@njit(cache=True, nogil=True)
def draw_uniform(state):
    """A float in [0, 1)."""
    return np.float64(draw_bits(state) >> np.uint64(11)) * 2.0**-53
