"""What the Sudoku generator and solver give for a key is what they gave for it when the data of committed studies were drawn, to the bit.

The digests are those of the first version, which asked a plain solver anew about every clue.
"""

import hashlib

import numpy as np
import pytest

from hrmlab.core.randomness import stream_key
from hrmlab.data.sudoku.board import board
from hrmlab.data.sudoku.generator import choose_tier, generate_for_keys
from hrmlab.data.sudoku.solver import solve

SEEDS = (0, 1, 7)

DRAWN = [
    (4, None, 64, ("de3d5c8fa07b26a0", "208af3aca82cd292", "6e1a5f412e4eac13")),
    (4, "easy", 64, ("cb501e18b52d2bde", "13d7c6d5504703d4", "6ee744a093d26858")),
    (6, None, 48, ("36c397cc673c307c", "bbda4ce3f8a1f649", "456cbf0a029c45e6")),
    (6, "easy", 48, ("f35a00b9b40b1413", "cf1b13ea949dca13", "72e94fef056ead81")),
    (6, "medium", 48, ("36c397cc673c307c", "bbda4ce3f8a1f649", "456cbf0a029c45e6")),
    (6, "hard", 48, ("359342480e85b4dd", "a39fee483ebd2d19", "51f9cb6e66baeff1")),
    (6, "extreme", 48, ("3c2be0e64366aa12", "2a21da23f7570575", "c7ae3ecc8b570e42")),
    (9, None, 32, ("b2b9bbaf469bd42e", "65e977722b7df05b", "97fd74056e6510f3")),
    (9, "easy", 32, ("de9c87a07459a49d", "56449eb4306078d7", "9fff88d82e13166b")),
    (9, "medium", 32, ("19b4506f3d13aa2c", "bc750ced0a09b984", "e65289f5f29c6f54")),
    (9, "hard", 24, ("116424128377c2f6", "1315b997fe22e7c6", "a899c975133115c4")),
    (9, "extreme", 8, ("2418ca9a02899a6d", "828cefff46295057", "c6a05d12090fb83a")),
]
"""Side, difficulty, keys, and the digest of questions, solutions and ratings for each seed."""

WITHIN_BOUNDS = [
    (9, None, 3, 6, "142bf7add95cb07b"),
    (9, "easy", 1, None, "b8e15504fdce5218"),
    (9, "hard", 8, 9, "bd330dd1f1a906bc"),
    (6, None, 2, 2, "be73a68f87e3287d"),
    (9, "extreme", None, 40, "568fb631860d6ec5"),
    (6, "extreme", None, 4, "3138418d68fc9a5b"),
    (9, None, None, 0, "27351771c5494765"),
]
"""Side, difficulty, minimum and maximum rating, digest."""

SOLVED = {
    "9 hard 8 9 1 q": "df26ffdbb4ba4697",
    "9 hard 8 9 1 q2": "558105f0b2c3397f",
    "9 hard 8 9 1 q3": "8a30f5d8aae0a2ab",
    "9 hard 8 9 2 q": "df26ffdbb4ba4697",
    "9 hard 8 9 2 q2": "10031afef1147bee",
    "9 hard 8 9 2 q3": "c323552e4fa94e58",
    "9 hard 8 9 50 q": "df26ffdbb4ba4697",
    "9 hard 8 9 50 q2": "3b4a81907adb7316",
    "9 hard 8 9 50 q3": "c578605cb53a750c",
    "6 None 2 2 1 q": "2261fe4046230b03",
    "6 None 2 2 1 q2": "6268a58f9f93d397",
    "6 None 2 2 1 q3": "0a8b7a39d3b22c58",
    "6 None 2 2 2 q": "2261fe4046230b03",
    "6 None 2 2 2 q2": "e8846db8cd1d7197",
    "6 None 2 2 2 q3": "8610166ee5ccbd91",
    "6 None 2 2 50 q": "2261fe4046230b03",
    "6 None 2 2 50 q2": "b571d6e31edd39f7",
    "6 None 2 2 50 q3": "fb740fd139c0ac48",
}
"""By side, difficulty, rating bounds, limit, and question: as drawn (q), without every third cell (q2), with a wrong first clue (q3)."""


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).astype("<i8").tobytes() for array in arrays)).hexdigest()[:16]


def keys(seed: int, purpose: str, count: int) -> np.ndarray:
    return np.array([stream_key(seed, "sudoku", purpose, index) for index in range(count)], np.uint64)


@pytest.mark.parametrize(("side", "difficulty", "count", "digests"), DRAWN)
def test_a_key_draws_the_puzzle_that_it_always_drew(side: int, difficulty: str | None, count: int, digests: tuple[str, ...]) -> None:
    tier = choose_tier(side, difficulty, None, None)
    assert tuple(digest(*generate_for_keys(keys(seed, "train", count), board(side), tier=tier)) for seed in SEEDS) == digests


@pytest.mark.parametrize(("side", "difficulty", "minimum", "maximum", "expected"), WITHIN_BOUNDS)
def test_within_bounds_of_ratings_too(
    side: int, difficulty: str | None, minimum: float | None, maximum: float | None, expected: str
) -> None:
    tier = choose_tier(side, difficulty, minimum, maximum)
    assert digest(*generate_for_keys(keys(5, "test", 12), board(side), tier=tier)) == expected


@pytest.mark.parametrize(("side", "difficulty", "minimum", "maximum"), [(9, "hard", 8, 9), (6, None, 2, 2)])
def test_first_solutions_counts_and_ratings_stay(side: int, difficulty: str | None, minimum: float, maximum: float) -> None:
    tier = choose_tier(side, difficulty, minimum, maximum)
    questions = generate_for_keys(keys(5, "test", 12), board(side), tier=tier)[0]
    fewer, wrong = questions.copy(), questions.copy()
    fewer[:, ::3] = 0
    wrong[:, 0] = wrong[:, 0] % side + 1
    for limit in (1, 2, 50):
        for name, asked in (("q", questions), ("q2", fewer), ("q3", wrong)):
            expected = SOLVED[f"{side} {difficulty} {minimum} {maximum} {limit} {name}"]
            assert digest(*solve(asked, board(side), limit=limit)) == expected, (limit, name)
