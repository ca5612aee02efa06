"""What a segment of HRM holds in memory by its number of cycles, with either gradient, as numbers and as a figure."""

from pathlib import Path
from typing import Any

from benchmarks.process import in_fresh_process
from benchmarks.train_step import HRM128

DRAWN = ("memory_cycles", "cost_growth")
"""Cases that draw a figure."""
_GRADIENTS, _CYCLES = ("one_step", "full"), (1, 2, 4, 8)


def memory_cycles(options: dict[str, str]) -> dict[str, Any]:
    """HRM hidden 128, 4 + 4 blocks, 4 heads, L2, sequence 81, batch 32, fp32, with H1 to H8; drawn into ``figure`` where it is given."""
    kept: dict[str, dict[int, int]] = {}
    peak: dict[str, dict[int, int]] = {}
    result: dict[str, Any] = {}
    for gradient in _GRADIENTS:
        for checkpointing in (False, True):
            name = f"{gradient}_checkpointed" if checkpointing else gradient
            for cycles in _CYCLES:
                job = {
                    **HRM128,
                    "model": {**HRM128["model"], "gradient": gradient, "h_cycles": cycles},
                    "batch_size": 32,
                    "gradient_checkpointing": checkpointing,
                    "threads": int(options["threads"]),
                }
                result = in_fresh_process("benchmarks.memory", job)
                kept.setdefault(name, {})[cycles] = result["kept_bytes"]
                peak.setdefault(name, {})[cycles] = result["peak_bytes"]
    if "figure" in options:
        from benchmarks.memory_figure import draw

        Path(options["figure"]).write_bytes(draw(kept, peak))
    return {"device": result["device"], "kept_bytes": kept, "peak_bytes": peak, "block_bytes": result["block_bytes"]}


def figure_problem(path: str, chosen: list[str]) -> str | None:
    """Why nothing could be drawn into this file, before minutes are spent on measuring."""
    if len(chosen) != 1 or chosen[0] not in DRAWN:
        return f"figure={path} is drawn by one case at a time, {' or '.join(DRAWN)}; choose it with case=, or leave the figure out"
    if Path(path).suffix != ".png" or not Path(path).parent.is_dir():
        return f"figure={path} is no PNG file in a folder that exists; give one, such as figure=docs/figures/memory_cycles.png"
    return None
