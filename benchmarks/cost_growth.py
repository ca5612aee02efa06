"""How a training step's time and memory grow with parameters, sequence, cycles, batch and processes; fitted, with where the growth bends.

One setting is changed at a time, from a base: 0.4M parameters, 2 + 2 blocks (the transformer: 4), H2 L2, 9x9 Sudoku (81 positions),
batch 32, fp32, eager, one thread. Times are processor time of whole steps, which other load on the machine changes least.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.power_terms import Growth, fit
from benchmarks.process import in_fresh_process

ARMS = ("hrm", "transformer")
BASE = {"parameters": 400_000, "sequence": 81, "cycles": 2, "batch": 32}
STATE_BYTES = 16
"""Of a parameter in fp32 with Adam: weight, gradient, two moments."""
LARGE = 1_000_000_000
_RANKS = (1, 2)
_TRAINED = (
    "model=hrm",
    "regime=shallow",
    "size=nano",
    "data=sudoku",
    "data.side=6",
    "data.difficulty=easy",
    "data.train_examples=64",
    "data.validation_examples=4",
    "data.test_examples=4",
    "training.batch_size=64",
    "training.steps=60",
    "training.validate_every_steps=60",
    "training.log_every_steps=10",
    "trainer=ddp_cpu",
    "trainer.progress_bar=false",
    "trainer.threads=1",
)


@dataclass(frozen=True, slots=True)
class Axis:
    """What is changed, over which values, and the powers of it of which a cost is expected to be a sum.

    Attributes:
        powers: those of time; width is the square root of parameters where depth stays, attention is the square of the sequence.
        memory_powers: those of activations.
    """

    values: tuple[int, ...]
    powers: tuple[float, ...]
    memory_powers: tuple[float, ...]
    arms: tuple[str, ...] = ARMS


AXES = {
    "parameters": Axis((50_000, 100_000, 200_000, 400_000, 800_000, 1_600_000, 3_200_000, 6_400_000), (0, 0.5, 1), (0, 0.5, 1)),
    "sequence": Axis((16, 36, 81, 144, 256, 400, 625, 900), (0, 1, 2), (0, 1, 2)),
    "cycles": Axis((1, 2, 4, 8, 16), (0, 1), (0, 1), arms=("hrm",)),
    "batch": Axis((1, 2, 4, 8, 16, 32, 64, 128, 256), (0, 1), (0, 1)),
}


def cost_growth(options: dict[str, str]) -> dict[str, Any]:
    """Every axis for every arm; drawn into ``figure`` where it is given. ``bends`` are where one term of the fit overtakes another."""
    times: dict[str, dict[str, Growth]] = {}
    memories: dict[str, dict[str, Growth]] = {}
    figures: dict[str, Any] = {}
    for name, axis in AXES.items():
        for arm in axis.arms:
            jobs = [job_at(arm, {**BASE, name: value}, threads=int(options["threads"])) for value in axis.values]
            measured = in_fresh_process("benchmarks.one_step", {"jobs": jobs})["steps"]
            steps, peaks = ([float(point[key]) for point in measured] for key in ("step_s", "peak_bytes"))
            times.setdefault(name, {})[arm] = fit(axis.values, steps, axis.powers)
            memories.setdefault(name, {})[arm] = fit(axis.values, peaks, axis.memory_powers)
            figures[f"{name} {arm}"] = {
                "values": list(axis.values),
                "step_s": steps,
                "peak_bytes": [int(peak) for peak in peaks],
                "time": times[name][arm].summary(),
                "memory": memories[name][arm].summary(),
            }
    for arm in ARMS:
        activations = memories["parameters"][arm].at(LARGE)
        figures[f"at 1B parameters, {arm}"] = {
            "step_s": round(times["parameters"][arm].at(LARGE)),
            "state_gb": round(STATE_BYTES * LARGE / 1e9, 1),
            "activations_gb": round((activations - 4 * LARGE) / 1e9, 1),  # gradients, 4 bytes a parameter, are a part of the measured peak
        }
    figures["processes"] = _processes()
    if "figure" in options:
        from benchmarks.cost_growth_figure import draw

        Path(options["figure"]).write_bytes(draw(times, memories))
    return figures


def job_at(arm: str, point: dict[str, int], *, threads: int) -> dict[str, Any]:
    """A job as ``benchmarks.train_step.train`` takes it.

    Args:
        arm: ``hrm`` or ``transformer``.
        point: a value for each axis.
        threads: of torch.
    """
    shape = {"hidden_size": None, "num_heads": None, "mlp_width": None}
    models = {
        "hrm": {"_target_": "hrmlab.models.hrm.HRM", "name": "hrm", **shape, "h_layers": 2, "l_layers": 2, "h_cycles": point["cycles"]},
        "transformer": {"_target_": "hrmlab.models.transformer.Transformer", "name": "transformer", **shape, "layers": 4},
    }
    side = round(point["sequence"] ** 0.5)
    few = {"train_examples": 64, "validation_examples": 4, "test_examples": 4}
    sudoku = {"_target_": "hrmlab.data.sudoku.task.SudokuTask", "side": side, "source": "generated", "difficulty": "easy"}
    maze = {"_target_": "hrmlab.data.maze.task.MazeTask", "side": side, "source": "generated"}
    return {
        "model": models[arm],
        "size": {"name": "growth", "parameters": point["parameters"], "head_size": 16},
        "data": {**(sudoku if side in (4, 6, 9) else maze), **few},
        "batch_size": point["batch"],
        "precision": "fp32",
        "compile": False,
        "threads": threads,
    }


def _processes() -> dict[str, Any]:
    """Seconds of a step and bytes of a process, by how many share a batch of 64. Wall time, since they wait for each other."""
    result: dict[str, Any] = {}
    for ranks in _RANKS:
        with tempfile.TemporaryDirectory() as folder:
            job = {"words": [*_TRAINED, f"trainer.devices={ranks}", f"output_root={folder}"]}
            result[str(ranks)] = in_fresh_process("benchmarks.processes", job)
    return result
