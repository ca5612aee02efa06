"""Scores a causal reasoner on programming problems: likelihood of the solutions, completions, and what running them shows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrmlab.data.code.encoding import document
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.code.task import CodeTask
from hrmlab.data.progress import progress_bar
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.completions import Completion, judge, save_rows, write_completions
from hrmlab.evaluation.code.generation import Decoding
from hrmlab.evaluation.code.likelihood import solution_bits
from hrmlab.evaluation.code.results import CodeScore, judged_result, likelihood_result
from hrmlab.models.precision import Computation
from hrmlab.sandbox import Executor


def check_sandbox(settings: Mapping[str, Any]) -> str:
    """Start the sandbox once and name its tier, before hours of training end at a machine that cannot run programs.

    Raises:
        UserError: no sandbox holds on this machine.
    """
    with Executor(workers=1, timeout=settings["timeout"], allow_unsafe=settings["allow_unsafe_execution"]) as executor:
        return executor.tier


def problem_sets(task: CodeTask, settings: Mapping[str, Any]) -> dict[str, list[CodeRecord]]:
    """The task's own test splits and the further set that the settings name, each cut to ``limit``.

    Raises:
        UserError: that set cannot be read.
    """
    splits = {name: list(records) for name, records in task.written().tests.items()}
    if settings["problems"] != "own":
        splits[settings["problems"]] = load_problems(settings["problems"], path=settings["path"], hub_name=settings["hub_name"])
    return {name: records[: settings["limit"]] for name, records in splits.items()}


def score_code(
    computation: Computation,
    task: CodeTask,
    sets: Mapping[str, Sequence[CodeRecord]],
    *,
    settings: Mapping[str, Any],
    folder: Path,
    seed: int,
    device: torch.device,
    progress: bool,
    rank: int = 0,
    world_size: int = 1,
) -> dict[str, CodeScore]:
    """Score every set; completions and verdicts are kept in ``folder/<set>.jsonl.gz``.

    Processes share the work of the model; only the first one runs programs, and only it gets a result.

    Args:
        computation: the trained reasoner in its precision, prepared.
        settings: the evaluation section.
        seed: of the sampling.
    """
    share = {name: list(records)[rank::world_size] for name, records in sets.items()}
    parts: dict[str, tuple[list[float], list[list[Completion]]]] = {}
    # A model that was allowed to see the future (audit.allow_leak=true) cannot write token by token; its likelihoods are all there is.
    writes = task.spec.attention == "causal"
    tested = {name: writes and bool(records) and all(record.test for record in records) for name, records in sets.items()}
    total = sum(len(records) * settings["samples"] for name, records in share.items() if tested[name])
    # Shapes change with every token and every batch; compiled stacks would be compiled anew for each.
    with torch.compiler.set_stance("force_eager"), progress_bar("writing code", total, shown=progress) as advance:
        for name, records in share.items():
            bits = solution_bits(
                computation,
                [document(record, task.tokenizer) for record in records],
                sequence_length=task.spec.sequence_length,
                likelihood=computation.likelihood,
                batch_size=settings["batch_size"],
                device=device,
            )
            written = _write(computation, task, records, settings, seed, device, advance) if tested[name] else []
            samples = settings["samples"]
            parts[name] = bits.tolist(), [written[start : start + samples] for start in range(0, len(written), samples)]
    gathered: list[Any] = [parts]
    if world_size > 1:
        gathered = [None] * world_size
        torch.distributed.all_gather_object(gathered, parts)
    if rank:
        return {}
    scores: dict[str, CodeScore] = {}
    written = {name: [item for group in _interleaved([process[name][1] for process in gathered]) for item in group] for name in sets}
    judged = run_completions({name: (written[name], sets[name]) for name in sets if tested[name]}, settings=settings, progress=progress)
    for name, records in sets.items():
        bits = np.array(_interleaved([process[name][0] for process in gathered]))
        result, passed = likelihood_result(bits, records), None
        if name in judged:
            rows = judged[name]
            save_rows(rows, folder / f"{name}.jsonl.gz")
            result = judged_result(rows, records, settings=settings, generated=True) | result
            passed = np.array([row["passed"] for row in rows[:: settings["samples"]]], dtype=bool)
        scores[name] = CodeScore(result={"count": len(records), **result}, passed=passed, bits=bits)
    return scores


def _interleaved(parts: Sequence[list[Any]]) -> list[Any]:
    """Undo ``items[rank::world_size]``."""
    items: list[Any] = [None] * sum(len(part) for part in parts)
    for rank, part in enumerate(parts):
        items[rank :: len(parts)] = part
    return items


def _write(
    computation: Computation,
    task: CodeTask,
    records: Sequence[CodeRecord],
    settings: Mapping[str, Any],
    seed: int,
    device: torch.device,
    advance: Any,
) -> list[Completion]:
    decoding = Decoding(
        temperature=settings["temperature"],
        top_p=settings["top_p"],
        max_new_tokens=settings["max_new_tokens"],
        halting=settings["halting"],
        likelihood=computation.likelihood,
    )
    return write_completions(
        computation,
        records,
        tokenizer=task.tokenizer,
        sequence_length=task.spec.sequence_length,
        decoding=decoding,
        samples=settings["samples"],
        stop=settings["stop"],
        batch_size=settings["batch_size"],
        seed=seed,
        device=device,
        advance=advance,
    )


def run_completions(
    work: Mapping[str, tuple[Sequence[Completion], Sequence[CodeRecord]]], *, settings: Mapping[str, Any], progress: bool
) -> dict[str, list[dict[str, Any]]]:
    """Judge the completions of every set in one sandbox, with a progress bar.

    Args:
        work: by the set's name, completions and the problems that they answer.

    Raises:
        UserError: no sandbox holds on this machine.
    """
    if not work:
        return {}
    with (
        Executor(workers=settings["workers"], timeout=settings["timeout"], allow_unsafe=settings["allow_unsafe_execution"]) as executor,
        progress_bar("running code", sum(len(completions) for completions, _ in work.values()), shown=progress) as advance,
    ):
        return {
            name: judge(completions, {record.task_id: record for record in problems}, executor, advance=advance)
            for name, (completions, problems) in work.items()
        }
