"""One run from its configuration to its summary, stage by stage; the run directory is the only thing handed on."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from hrmlab.budget.solver import Budget
from hrmlab.config.configuration import Configuration
from hrmlab.config.per_arm import leaves
from hrmlab.core.processes import process_rank
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.fit import fitted
from hrmlab.workflows.practise import check_objective, practised
from hrmlab.workflows.prepare import prepare, record_facts
from hrmlab.workflows.score import Scores, score

_USED_LATER = ("pyarrow.parquet", "torch.utils.flop_counter")
"""Modules that every run imports on its way."""


def train(run: RunDirectory) -> dict[str, Any]:
    """Prepare, fit, score; goes on from the newest checkpoint if the directory has one.

    Args:
        run: the run's directory, locked by the caller: what it is to do stands in it, and it is all that it leaves behind.

    Returns:
        what summary.json holds.

    Raises:
        UserError: something in the configuration or the data must be mended first.
        TrainingFailed: the recipe diverged.
        KeyboardInterrupt: asked to stop; resumable.
    """
    config = Configuration.from_plain(run.config)
    prepared = prepare(config)
    check_objective(prepared)
    if process_rank() == 0:
        record_facts(prepared, run)
    with fitted(prepared, run) as trained:
        stages = practised(prepared, trained, run) if config.objective.order else None
        scores = score(prepared, trained, run)
        trained.show_outcome(dict(leaves(run.config)), _outcome(scores, prepared.budget, trained.effort))
        further = {} if stages is None else {"stages": stages}
        checkpoint = {"rule": config.training.evaluate, "step": scores.step}
        return {**scores.to_dict(), "training": trained.effort, "checkpoint": checkpoint, **further}


def import_for(targets: Iterable[str]) -> None:
    """Import what runs of a configuration will, for a process that forks them.

    Args:
        targets: the classes that the configuration names. What a user's own does when it is imported is for the run alone.
    """
    for module in {*_USED_LATER, *(target.rpartition(".")[0] for target in targets if target.startswith("hrmlab."))}:
        importlib.import_module(module)


def _outcome(scores: Scores, budget: Budget, effort: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a finished run by name, such as ``test/exact_accuracy``, ``budget/parameters``, ``training/wall_seconds``."""
    parts = {"test": scores.test, "validation": scores.validation, **scores.other_tests, "budget": budget.to_dict(), "training": effort}
    return {
        f"{part}/{name}": float(value)
        for part, values in parts.items()
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
