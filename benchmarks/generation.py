"""Puzzles per second of the generators on one core, after compilation."""

import time
from typing import Any


def generation(options: dict[str, str]) -> dict[str, Any]:
    """9x9 Sudoku by difficulty tier; every puzzle has one solution."""
    from hrmlab.data.sudoku.generator import generate

    figures: dict[str, Any] = {}
    for difficulty, count in (("easy", 400), ("medium", 400), ("hard", 200), ("extreme", 60)):
        generate(4, side=9, difficulty=difficulty, seed=1)
        start = time.perf_counter()
        generate(count, side=9, difficulty=difficulty, seed=2)
        figures[f"sudoku_9x9_{difficulty}_per_s"] = round(count / (time.perf_counter() - start), 1)
    return figures
