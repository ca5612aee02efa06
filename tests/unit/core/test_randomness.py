"""Named random streams: independent where their labels differ, reproducible where not."""

import numpy as np
import torch

from hrmlab.core.randomness import CounterRandom, mix64, stream, stream_key


def test_streams_differ_by_every_label_and_by_type() -> None:
    keys = {
        stream_key(0, "sudoku", "test", 7),
        stream_key(1, "sudoku", "test", 7),
        stream_key(0, "sudoku", "test", 8),
        stream_key(0, "sudoku", "test", "7"),
        stream_key(0, "sudoku", "test7"),
        stream_key(0, "sudokutest", 7),
    }
    assert len(keys) == 6
    assert stream(3, "a").random() == stream(3, "a").random()


def test_neighbouring_seeds_share_nothing() -> None:
    draws = np.stack([stream(seed, "order").random(64) for seed in range(50)])
    assert len(np.unique(draws)) == draws.size


def test_mix64_is_splitmix64() -> None:
    """First outputs of SplitMix64 seeded with 0 (Vigna's reference values)."""
    golden_gamma = 0x9E3779B97F4A7C15
    states = [(golden_gamma * (number + 1)) % 2**64 for number in range(3)]
    signed = torch.tensor([state - 2**64 if state >= 2**63 else state for state in states])
    assert [value % 2**64 for value in mix64(signed).tolist()] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_counter_random_depends_on_the_draw_number_alone() -> None:
    one = CounterRandom(11, torch.arange(100))
    other = CounterRandom(11, torch.tensor([7, 99, 7]))
    assert torch.equal(one.uniform("digits", 5)[[7, 99, 7]], other.uniform("digits", 5))
    assert not torch.equal(one.uniform("digits", 5), one.uniform("rows", 5))
    assert not torch.equal(one.uniform("digits", 5), CounterRandom(12, torch.arange(100)).uniform("digits", 5))


def test_counter_random_is_uniform() -> None:
    random = CounterRandom(5, torch.arange(20_000))
    values = random.uniform("x", 4)
    assert values.min() >= 0
    assert values.max() < 1
    assert (values.mean(0) - 0.5).abs().max() < 0.01
    correlation = torch.corrcoef(values.T) - torch.eye(4)
    assert correlation.abs().max() < 0.03
    counts = torch.bincount(random.permutation("p", 3) @ torch.tensor([9, 3, 1]))
    assert len(counts[counts > 0]) == 6
    assert (counts[counts > 0] / 20_000 - 1 / 6).abs().max() < 0.01
    assert torch.bincount(random.integers("i", 3)[:, 0]).min() > 6_300
