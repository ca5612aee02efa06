"""What a GPU says within minutes: how fast 27M models train, how much of the device that is, and where the rest of the time goes.

``make gpu-check`` runs the tests that need a GPU, and then this. Each setting is a process of its own and stops where its seconds are over,
so that the whole stays under nine minutes; what there was no time for is said.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.process import in_fresh_process
from benchmarks.train_step import train

SECONDS, WARM_UP = 420.0, 10
"""Of all settings together; and steps of each that do not count: compiling, first kernels."""
_STEPS, _ROWS = 200, 15
"""Most steps of a setting, and rows of the profile."""
_SHAPE = {"hidden_size": None, "num_heads": None, "mlp_width": None}
_SUDOKU = {
    "_target_": "hrmlab.data.sudoku.task.SudokuTask",
    "source": "generated",
    "difficulty": "easy",
    "train_examples": 1000,
    "validation_examples": 50,
    "test_examples": 50,
}
_ARMS = {
    "hrm": {"_target_": "hrmlab.models.hrm.HRM", "name": "hrm", **_SHAPE},
    "transformer": {"_target_": "hrmlab.models.transformer.Transformer", "name": "transformer", **_SHAPE},
}
_ORDER = [("hrm", 768, True), ("hrm", 384, True), ("transformer", 768, True), ("hrm", 768, False), ("transformer", 384, True)]
_ORDER += [("hrm", 384, False), ("transformer", 768, False), ("transformer", 384, False)]
"""Arm, batch and whether compiled; what is wanted most comes first."""


def gpu_steps(options: dict[str, str]) -> dict[str, Any]:
    """HRM with 27M parameters (4 + 4 blocks, H2 L2, 16 segments, 81 positions, bf16) and the transformer matched to it.

    Options: ``device`` (``gpu``; ``cpu`` to try it out), ``parameters``, ``batches`` (384,768), ``steps``, ``seconds`` of all settings,
    ``folder`` for gpu_steps.md and gpu_steps.json.
    """
    device, deadline = options.get("device", "gpu"), time.monotonic() + float(options.get("seconds", SECONDS))
    batches = [int(batch) for batch in options.get("batches", "384,768").split(",")]
    rows: list[dict[str, Any]] = []
    wanted = [setting for setting in _ORDER if setting[1] in batches] or [(arm, batch, False) for arm in _ARMS for batch in batches]
    for arm, batch, compiled in wanted:
        left = deadline - time.monotonic()
        row: dict[str, Any] = {"arm": arm, "batch": batch, "compiled": compiled}
        if left <= 0:
            rows.append({**row, "left_out": "no time was left"})
            continue
        job = {
            "model": _ARMS[arm],
            "size": {"name": "check", "parameters": int(options.get("parameters", "27000000")), "head_size": 64},
            "data": _SUDOKU,
            "batch_size": batch,
            "precision": "bf16",
            "compile": compiled,
            "threads": int(options["threads"]),
            "accelerator": device,
            "steps": int(options.get("steps", str(_STEPS))),
            "seconds": left / 2,
            "profile": not any("profile" in earlier for earlier in rows),
        }
        try:
            rows.append({**row, **in_fresh_process("benchmarks.gpu_steps", job)})
        except subprocess.CalledProcessError:  # its traceback has been shown; the other settings are worth having
            rows.append({**row, "left_out": "failed, most likely for want of memory"})
            continue
        print(_line(rows[-1]), file=sys.stderr, flush=True)
    result = {"device": _device(device), "settings": rows}
    if "folder" in options:
        place = Path(options["folder"])
        place.mkdir(parents=True, exist_ok=True)
        (place / "gpu_steps.md").write_text(page(result), encoding="utf-8")
        (place / "gpu_steps.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


class _Enough(Exception):  # noqa: N818 - no error: the time of a setting is over
    pass


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Segments per second, peak memory and model FLOP utilisation of one setting, and, where asked, what its steps consist of."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    from hrmlab.budget.solver import build_reasoner
    from hrmlab.budget.utilisation import utilisation
    from hrmlab.core.components import build

    on_gpu = job["accelerator"] == "gpu"
    task = build(job["data"])
    _, budget = build_reasoner(model=job["model"], task=task.spec, size=job["size"], match="parameters", seed=0)
    flops = job["batch_size"] * budget.flops_per_training_segment
    ends, end = list[float](), time.perf_counter() + job["seconds"]
    profiler = profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])])

    def ended() -> None:
        if len(ends) in (WARM_UP - 1, WARM_UP + job["steps"] - 1) and on_gpu:
            torch.cuda.synchronize()  # once before and once after: in between the host runs ahead, as in training
        ends.append(time.perf_counter())
        if job["profile"] and len(ends) == WARM_UP + job["steps"]:
            profiler.__enter__()
        elif len(ends) >= WARM_UP + 2 and (len(ends) - WARM_UP) % 10 == 0 and ends[-1] > end:
            raise _Enough

    try:
        train(job, WARM_UP + job["steps"] + (5 if job["profile"] else 0), ended=ended)
    except _Enough:
        if on_gpu:
            torch.cuda.synchronize()
        ends[-1] = time.perf_counter()
    counted = ends[WARM_UP - 1 : WARM_UP + job["steps"]]
    step = (counted[-1] - counted[0]) / (len(counted) - 1)
    name = _device(job["accelerator"])
    used = utilisation(flops, step, device=name, devices=1, precision=job["precision"])
    figures: dict[str, Any] = {
        "steps": len(counted) - 1,
        "step_ms": round(1000 * step, 2),
        "segments_per_s": round(job["batch_size"] / step, 1),
        "teraflops_per_s": round(flops / step / 1e12, 3),
        "model_flops_utilisation": None if used is None else round(used, 4),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else None,
        "parameters": budget.parameters,
    }
    if job["profile"] and len(ends) > WARM_UP + job["steps"]:
        profiler.__exit__(None, None, None)
        by = "self_device_time_total" if on_gpu else "self_cpu_time_total"
        figures["profile"] = [
            {"name": event.key, "ms_per_step": round(getattr(event, by) / 5000, 3), "calls_per_step": event.count / 5}
            for event in sorted(profiler.key_averages(), key=lambda event: -getattr(event, by))[:_ROWS]
        ]
    return figures


def page(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [f"# Training steps on {result['device']}", "", "| arm | batch | compiled | segments/s | TFLOP/s | utilisation | memory |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in result["settings"]:
        cells = [row["arm"], row["batch"], "yes" if row["compiled"] else "no"]
        if "left_out" in row:
            lines.append("| " + " | ".join(str(cell) for cell in [*cells, row["left_out"], "", "", ""]) + " |")
            continue
        used, memory = row["model_flops_utilisation"], row["peak_memory_gib"]
        cells += [f"{row['segments_per_s']:,.0f}", row["teraflops_per_s"], "" if used is None else f"{100 * used:.1f} %"]
        lines.append("| " + " | ".join(str(cell) for cell in [*cells, "" if memory is None else f"{memory} GiB"]) + " |")
    for row in result["settings"]:
        if "profile" in row:
            lines += ["", f"Where the time of a step goes ({row['arm']}, batch {row['batch']}, {row['step_ms']} ms):", ""]
            lines += ["| kernel | ms per step | calls per step |", "|---|---|---|"]
            lines += [f"| `{event['name'][:90]}` | {event['ms_per_step']} | {event['calls_per_step']:g} |" for event in row["profile"]]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any]) -> str:
    used = row["model_flops_utilisation"]
    told = "" if used is None else f", {100 * used:.1f} % model FLOP utilisation"
    mode = "compiled" if row["compiled"] else "eager"
    return f"  {row['arm']} batch {row['batch']} {mode}: {row['segments_per_s']:,} segments/s, {row['step_ms']} ms a step{told}"


def _device(accelerator: str) -> str:
    import torch

    return torch.cuda.get_device_name() if accelerator == "gpu" else "the CPU"


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
