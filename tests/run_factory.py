"""Synthetic run directories that look like real ones: learning curves, outcomes per example, halting, ratings, costs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Words
from hrmlab.runs.directory import RunDirectory, RunLabels

FINAL = {"hrm": 0.86, "transformer": 0.62, "deep_supervision_transformer": 0.79}
TASK_SHIFT = {"sudoku_4x4": 0.0, "maze_10x10": -0.18}
SCORES = {"sudoku_4x4": "breaks_no_rule", "maze_10x10": "valid_shortest_path"}
ROLES = {"hrm": "subject", "transformer": "baseline", "deep_supervision_transformer": "control"}
STEPS, EXAMPLES, SEGMENTS = 2000, 400, 8


def make_run(
    output_root: Path,
    *,
    study: str = "quick",
    task: str = "sudoku_4x4",
    arm: str = "hrm",
    size: str = "nano",
    seed: int = 0,
    state: str = "completed",
    accuracy: float | None = None,
    config: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    budget: dict[str, Any] | None = None,
    examples: int = EXAMPLES,
    rows: int = 40,
    middle: float = 0.35,
    other_load: float | None = 0.01,
) -> RunDirectory:
    """A run directory in the given state (completed, failed, interrupted); all numbers follow from the labels.

    Args:
        rows: validations.
        middle: the part of the training after which half of the accuracy is reached; from about 0.7 on the curve still rises at the end.
        other_load: None is a run that recorded neither the load nor its processor time.
    """
    random = np.random.default_rng([seed, len(task), len(arm), len(size)])
    if accuracy is None:
        accuracy = float(np.clip(FINAL.get(arm, 0.5) + TASK_SHIFT.get(task, -0.05) + random.normal(0, 0.015), 0.01, 0.99))
    segments = 1 if arm == "transformer" else SEGMENTS
    resolved = {
        "study": study,
        "seed": seed,
        "arm": arm,
        "task": task,
        "match": "parameters",
        "resume": None,
        "output_root": str(output_root),
        "role": ROLES.get(arm, "subject" if arm.startswith("hrm") else None),
        "model": {"name": arm, "_target_": f"hrmlab.models.{arm}"},
        "size": {"name": size, "parameters": 200_000, "head_size": 32},
        "data": {"name": task.partition("_")[0]},
        "optimizer": {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.1},
        "training": {"steps": STEPS, "batch_size": 64, "precision": "fp32", "ema_decay": None, "loss": "stablemax"},
        "trainer": {"name": "cpu", "devices": 1, "threads": 1, "progress_bar": False},
        "logger": {"name": "csv"},
        **(config or {}),
    }
    overrides = [f"study={study}", f"model={arm}", f"data={task.partition('_')[0]}", f"size={size}", f"seed={seed}"]
    labels = RunLabels(study=study, task=task, arm=arm, size=size, seed=seed)
    run = RunDirectory.create(output_root=output_root, labels=labels, config=resolved, overrides=overrides)
    _write(run, "provenance.json", _provenance(overrides))
    _write(run, "budget.json", {**_budget(arm, size, segments, random), **(budget or {})})
    _write(run, "data.json", {**_data(task, seed), **(data or {})})
    reached = STEPS if state == "completed" else STEPS // 3
    speed = 900.0 / (1 + 2 * (segments > 1)) * random.uniform(0.95, 1.05)
    drawn_per_step = 64 if segments == 1 else 64 / 3.5
    learned = {"final": accuracy, "middle": middle, "timed": other_load is not None}
    _curves(run, reached=reached, speed=speed, drawn_per_step=drawn_per_step, rows=rows, random=random, **learned)
    if state == "failed":
        run.fail(error="the loss became NaN", hint="lower optimizer.learning_rate", step=reached, last_checkpoint="checkpoints/last.ckpt")
    if state != "completed":
        return run
    accuracy = round(accuracy * examples) / examples
    test = _predictions(run, task=task, accuracy=accuracy, segments=segments, examples=examples, random=random)
    flops = 3 * 2.0 * 200_000 * 16 * 64 * STEPS * (1 if segments == 1 else 1.4)
    own = {"wording": SCORES.get(task, "breaks_no_rule").replace("_", " "), "meaning": "the task's own rule", "halting": True}
    own |= {"name": SCORES.get(task, "breaks_no_rule"), "column": SCORES.get(task, "breaks_no_rule")}
    summary = {
        "measures": [own, EXACT_ACCURACY.to_dict(), CELL_ACCURACY.to_dict()],
        "words": Words(rating="rating of the puzzle").to_dict(),
        "score": "exact_accuracy",
        "test_name": "test",
        "test": test,
        "validation": {**test, "by_rating": []},
        "training": {
            "steps": STEPS,
            "segments": STEPS * 64,
            "examples_drawn": round(STEPS * drawn_per_step),
            "tokens": STEPS * 64 * 16,
            "flops": flops,
            "wall_seconds": STEPS * drawn_per_step / speed,
            **({} if other_load is None else {"cpu_seconds": 0.9 * STEPS * drawn_per_step / speed, "other_load": other_load}),
            "peak_memory_bytes": 3.1e8,
        },
        "checkpoint": {"rule": "best", "step": STEPS},
    }
    _write(run, "summary.json", summary)
    (run.path / "COMPLETED").write_text("2026-01-02T03:04:05.000006+00:00\n")
    return run


def make_study(output_root: Path, *, study: str = "quick") -> None:
    """3 arms x 2 tasks x 3 seeds, and a failed, an interrupted, a repeated, a superseded and an unreadable run; one seed is missing."""
    for task in TASK_SHIFT:
        for arm in FINAL:
            for seed in range(3):
                if (task, arm, seed) == ("maze_10x10", "deep_supervision_transformer", 2):
                    make_run(output_root, study=study, task=task, arm=arm, seed=seed, state="failed")
                else:
                    make_run(output_root, study=study, task=task, arm=arm, seed=seed)
    make_run(output_root, study=study, seed=3, state="interrupted")
    repeated = make_run(output_root, study=study, seed=0)
    (repeated.path / "COMPLETED").write_text("2026-01-03T00:00:00.000000+00:00\n")
    make_run(
        output_root, study=study, arm="transformer", seed=1, accuracy=0.1, config={"optimizer": {"name": "adamw", "learning_rate": 0.1}}
    )
    newest = make_run(output_root, study=study, arm="transformer", seed=1)
    (newest.path / "COMPLETED").write_text("2026-01-03T00:00:00.000000+00:00\n")
    (output_root / study / "sudoku_4x4" / "hrm" / "nano" / "seed=7" / "deadbeef").mkdir(parents=True)


def _write(run: RunDirectory, name: str, value: dict[str, Any]) -> None:
    """Plain writing: the factory needs no durability."""
    (run.path / name).write_text(json.dumps(value))


def _provenance(overrides: list[str]) -> dict[str, Any]:
    return {
        "start_time": "2026-01-02T03:00:00+00:00",
        "command": ["hrm-train", *overrides],
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "git_dirty": False,
        "packages": {"hrmlab": "0.1.0", "torch": "2.9.0", "lightning": "2.6.0"},
        "python": "3.12.1",
        "platform": "Linux x86_64",
        "cpu": "Example CPU 3000",
        "cpu_cores": 2,
        "gpus": [],
    }


def _budget(arm: str, size: str, segments: int, random: np.random.Generator) -> dict[str, Any]:
    parameters = 200_000 + int(random.integers(-1500, 1500))
    forward = 2.0 * parameters * 16
    return {
        "size": size,
        "target_parameters": 200_000,
        "match": "parameters",
        "parameters": parameters,
        "non_embedding_parameters": parameters - 1_300,
        "gap": parameters / 200_000 - 1,
        "hidden_size": 64 if arm != "transformer" else 96,
        "num_heads": 2 if arm != "transformer" else 3,
        "mlp_width": 172,
        "flops_per_training_segment": 3 * forward,
        "flops_per_training_example": 3 * forward * (1 if segments == 1 else 3.5),
        "flops_per_inference_example": forward * segments,
    }


def _data(task: str, seed: int) -> dict[str, Any]:
    splits = {
        name: {"count": 1000, "content_hash": f"{task}-{name}", "class_hash": f"{task}-{name}-c"}
        for name in ("train", "validation", "test")
    }
    pairs = ("train_validation_classes", "train_test_classes", "validation_test_classes", "train_test_strings")
    rule = {"sudoku_4x4": "4x4: equal up to digit relabelling", "maze_10x10": "maze: equal up to the eight symmetries of the square"}
    return {
        "task": task,
        "source": "generated",
        "class_rule": rule.get(task, "equal strings"),
        "splits": splits,
        "overlap": dict.fromkeys(pairs, 0),
        "answers": {"rule": "answers as they stand", "train_distinct": 900, "test_distinct": 1000, "test_known": 30},
        "order_hash": f"order-{task}-{seed}",
        "attention": "full",
    }


def _curves(
    run: RunDirectory,
    *,
    reached: int,
    final: float,
    middle: float,
    timed: bool,
    speed: float,
    drawn_per_step: float,
    rows: int,
    random: np.random.Generator,
) -> None:
    lines = ["step,seconds,metric,value"]
    half = STEPS * random.uniform(middle - 0.05, middle + 0.05)
    for step in np.linspace(STEPS / rows, STEPS, rows).astype(int):
        if step > reached:
            break
        seconds = step * drawn_per_step / speed
        value = final / (1 + np.exp(-(step - half) / (STEPS / 12))) + random.normal(0, 0.003)
        for name, number in {
            "train/loss": 2.0 * np.exp(-step / 900),
            "train/examples_drawn": step * drawn_per_step,
            **({"train/cpu_seconds": 0.9 * seconds} if timed else {}),
            "train/examples_per_second": speed * random.uniform(0.9, 1.1),
            "val/exact_accuracy": float(np.clip(value, 0, 1)),
            "val/cell_accuracy": 0.5 + 0.5 * float(np.clip(value, 0, 1)),
        }.items():
            lines.append(f"{step},{seconds:.3f},{name},{float(number)!r}")
    run.metrics_file.write_text("\n".join(lines) + "\n")


def _by_segment(exact: np.ndarray, used: np.ndarray, segments: int) -> list[np.ndarray]:
    """For every example whether it is solved after 1 to twice as many segments as the cap: from the segment on at which it halts."""
    if segments == 1:
        return list(exact[:, None])
    return list(exact[:, None] & (np.arange(1, 2 * segments + 1) >= used[:, None]))


def _predictions(
    run: RunDirectory, *, task: str, accuracy: float, segments: int, examples: int, random: np.random.Generator
) -> dict[str, Any]:
    shared = np.random.default_rng(len(task))  # difficulty belongs to the example, not to the run
    rating = shared.gamma(2.0, 5.0, examples).round(1)
    score = rating / 10 + random.normal(0, 0.6, examples)
    exact = np.zeros(examples, dtype=bool)
    exact[np.argsort(score, kind="stable")[: round(accuracy * examples)]] = True
    used = np.clip((1 + rating / 4 + random.normal(0, 0.8, examples)).round().astype(int), 1, segments)
    early = exact & (random.random(examples) > 0.02)
    name = SCORES.get(task, "breaks_no_rule")
    pd.DataFrame(
        {
            "index": np.arange(examples),
            "input": [f"{task}-{i:06d}" for i in range(examples)],
            "rating": rating.astype(np.float32),
            "source": "generated",
            "exact": exact,
            "exact_halting": early,
            "cell_accuracy": np.where(exact, 1.0, 0.8).astype(np.float32),
            "segments": used,
            name: exact,
            f"{name}_halting": early,
            "prediction": "1234" * 4,
            "exact_by_segment": _by_segment(exact, used, segments),
        }
    ).to_parquet(run.predictions_file)
    edges = np.quantile(rating, [0, 0.25, 0.5, 0.75, 1]).round(2)
    bins = []
    for low, high, last in zip(edges[:-1], edges[1:], [False, False, False, True], strict=True):
        chosen = (rating >= low) & ((rating <= high) if last else (rating < high))
        bins.append({"low": float(low), "high": float(high), "count": int(chosen.sum()), "exact_accuracy": float(exact[chosen].mean())})
    return {
        "count": examples,
        "segments_cap": segments,
        "segments_run": segments if segments == 1 else 2 * segments,
        "exact_accuracy": float(exact.mean()),
        "halting/exact_accuracy": float(early.mean()),
        "cell_accuracy": float(np.where(exact, 1.0, 0.8).mean()),
        "halting/cell_accuracy": float(np.where(early, 1.0, 0.8).mean()),
        "mean_segments": float(used.mean()),
        "halting_accuracy": 0.93,
        name: float(exact.mean()),
        f"halting/{name}": float(early.mean()),
        "by_rating": bins,
    }
