"""One run from its configuration to its summary, stage by stage; the run directory is the only thing handed on."""

from typing import Any

from hrmlab.config.configuration import Configuration
from hrmlab.core.processes import process_rank
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.fit import fitted
from hrmlab.workflows.prepare import prepare, record_facts
from hrmlab.workflows.score import score


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
    if process_rank() == 0:
        record_facts(prepared, run)
    with fitted(prepared, run) as trained:
        scores = score(prepared, trained, run)
        return {**scores.to_dict(), "training": trained.effort, "checkpoint": {"rule": config.training.evaluate, "step": scores.step}}
