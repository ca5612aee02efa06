"""Between training and scoring: the stages of learning by reward that an objective asks for."""

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import Any

from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.models.checkpoint import load_checkpoint, trained_checkpoint
from hrmlab.rl.problems import check_stages
from hrmlab.runs.directory import RunDirectory
from hrmlab.training.interruption import StopRequested
from hrmlab.training.sharding import load_whole
from hrmlab.workflows.fit import Fitted
from hrmlab.workflows.prepare import Prepared


def practised(prepared: Prepared, fitted: Fitted, run: RunDirectory) -> list[dict[str, Any]]:
    """Let the trained reasoner practise, stage by stage, from where the run directory says it is; what each stage came to.

    Raises:
        UserError: the task writes nothing, or what a stage needs is not there.
        StopRequested: a signal asked to stop, and everything was saved.
    """
    with redirect_stdout(io.StringIO()):  # transformers prints there when it is imported under WANDB_MODE=offline
        from hrmlab.rl.stages import Practice

    assert prepared.written is not None  # see check
    module, config = fitted.module, prepared.config
    load_whole(module, load_checkpoint(trained_checkpoint(run.checkpoints, config.training.evaluate))["state_dict"])
    device = fitted.trainer.strategy.root_device
    module.to(device).eval()
    first = fitted.trainer.global_step

    def log(step: int, seconds: float, values: Mapping[str, float]) -> None:
        assert fitted.metrics is not None
        fitted.metrics.append(step, fitted.effort["wall_seconds"] + seconds, values)
        for logger in fitted.extra:
            logger.lightning.log_metrics(dict(values), step)

    def show(name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], step: int) -> None:
        for logger in fitted.extra:
            logger.show_table(name, columns, rows, step)

    def cut(step: int) -> None:
        assert fitted.metrics is not None
        fitted.metrics.truncate_after(step)

    fitted.stop.listen()
    found = Practice(
        computation=module.computation,
        written=prepared.written,
        objective=config.objective,
        evaluation=config.evaluation,
        seed=config.seed,
        run=run,
        first_step=first,
        device=device,
        log=log,
        show=show,
        cut=cut,
        stop=lambda: fitted.stop.received is not None,
    ).through()
    if found is None:
        raise StopRequested
    return found


def check_objective(prepared: Prepared) -> None:
    """Refuse what no stage of practice could do, before anything is trained.

    Raises:
        UserError: several processes, a model that does not write, a missing extra, or stages that do not fit task and sizes.
    """
    config = prepared.config
    if not config.objective.order:
        return
    if prepared.world_size > 1:
        raise UserError(f"objective={config.objective.name} runs in one process, and trainer={config.trainer.name} asks for several")
    if prepared.written is None or prepared.task.spec.attention != "causal":
        raise UserError(
            f"objective={config.objective.name} rewards what a model writes, and data={config.data.name} lets none write; use a task of "
            "text, such as data=worked_problems"
        )
    if find_spec("trl") is None or find_spec("transformers") is None:  # found out before the training, and imported after it
        raise MissingExtra("trl", extra="rl", purpose=f"objective={config.objective.name}")
    check_stages(config.objective, prepared.written, prepared.task.spec, seed=config.seed)
