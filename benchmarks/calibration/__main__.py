"""``python -m benchmarks.calibration``: simulate, and write docs/calibration.md with docs/figures/calibration.png."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from benchmarks.calibration.figure import draw
from benchmarks.calibration.groups import group_rates
from benchmarks.calibration.page import page
from benchmarks.calibration.simulation import Cell, Outcome, cells, graded_cells, simulate


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400, help="simulated studies in each cell (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of every random number (default %(default)s)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of calibration.md and figures/ (default %(default)s)")
    options = parser.parse_args()
    if options.repetitions < 1:
        parser.error(f"--repetitions={options.repetitions} is below 1")
    grid = list(cells())
    root = np.random.default_rng(options.seed)
    streams = root.spawn(len(grid) + 1)

    def simulated(what: str, some: Sequence[Cell], randoms: Sequence[np.random.Generator]) -> list[tuple[Cell, Outcome]]:
        pairs = track(list(zip(some, randoms, strict=True)), description=f"simulating {what}")
        return [(cell, simulate(cell, repetitions=options.repetitions, random=random)) for cell, random in pairs]

    found = simulated("right and wrong answers", grid, streams[:-1])
    graded = list(graded_cells())
    found_graded = simulated("graded answers", graded, root.spawn(len(graded)))
    groups = [group_rates(seeds, repetitions=5 * options.repetitions, random=streams[-1]) for seeds in (3, 5, 10)]
    (options.docs / "figures").mkdir(parents=True, exist_ok=True)
    (options.docs / "figures" / "calibration.png").write_bytes(draw(found))
    (options.docs / "calibration.md").write_text(page(found, found_graded, groups, repetitions=options.repetitions))
    print(options.docs / "calibration.md")


if __name__ == "__main__":
    main()
