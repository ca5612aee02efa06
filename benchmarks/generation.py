"""Puzzles per second of the generators on one core, after compilation, in processor time."""

import time
from typing import Any

import numpy as np

_KEYS = {(4, "easy"): 2000, (6, "easy"): 1000, (6, "medium"): 500, (6, "hard"): 60, (6, "extreme"): 30} | {
    (9, "easy"): 200,
    (9, "medium"): 100,
    (9, "hard"): 60,
    (9, "extreme"): 12,
}
_ROUNDS = 5


def generation(options: dict[str, str]) -> dict[str, Any]:
    """Sudoku by side and tier, beside the plain program that draws the same puzzles (medians of alternating rounds), and mazes."""
    from benchmarks.plain_sudoku import generate_plainly
    from hrmlab.core.randomness import stream_key
    from hrmlab.data.maze.generator import choose_shape, generate
    from hrmlab.data.sudoku.board import board
    from hrmlab.data.sudoku.generator import choose_tier, generate_for_keys

    figures: dict[str, Any] = {}
    for (side, difficulty), count in _KEYS.items():
        tier = choose_tier(side, difficulty, None, None)
        spent: dict[str, list[float]] = {"plain": [], "fast": []}
        kept = 0
        for turn in range(_ROUNDS + 1):
            keys = np.array([stream_key(turn, "benchmark", index) for index in range(count)], np.uint64)
            drawn = {}
            for name, program in (("plain", generate_plainly), ("fast", generate_for_keys)):
                start = time.process_time()
                drawn[name] = program(keys, board(side), tier=tier)
                if turn:  # the first compiles
                    spent[name].append(time.process_time() - start)
            if not all(map(np.array_equal, drawn["plain"], drawn["fast"])):
                raise AssertionError(f"the generator draws other {side}x{side} {difficulty} puzzles than the plain program")
            ratings = drawn["fast"][2]
            kept += bool(turn) * int(((ratings >= tier.minimum_rating) & (ratings <= tier.maximum_rating)).sum())
        name = f"sudoku_{side}x{side}_{difficulty}"
        figures[f"{name}_per_s"] = round(kept / sum(spent["fast"]), 1)
        figures[f"{name}_plain_per_s"] = round(kept / sum(spent["plain"]), 1)
        figures[f"{name}_times_faster"] = round(float(np.median(np.divide(spent["plain"], spent["fast"]))), 2)
    for side in (8, 30):
        shape = choose_shape(side=side)
        generate(4, shape, seed=1)
        start = time.process_time()
        generate(200, shape, seed=2)
        figures[f"maze_{side}x{side}_per_s"] = round(200 / (time.process_time() - start), 1)
    return figures
