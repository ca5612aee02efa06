"""Where metrics go: always metrics.csv, and what else the configuration asks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers.logger import Logger

from hrmlab.config.schema import Logger as LoggerSection
from hrmlab.config.schema import TensorboardLogger as TensorboardSection
from hrmlab.config.schema import WandbLogger as WandbSection
from hrmlab.core.errors import MissingExtra, UserError
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.metrics import MetricsWriter


class MetricsFile(Logger):
    """Appends to a run's metrics.csv. (Lightning's CSVLogger deletes an earlier file when a run resumes.)"""

    def __init__(self, writer: MetricsWriter) -> None:
        super().__init__()
        self.writer = writer

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        values = dict(metrics)
        seconds = values.pop("seconds", 0.0)
        self.writer.append(step or 0, seconds, values)

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the configuration is in config.yaml already."""


@dataclass(frozen=True, kw_only=True)
class ExtraLogger:
    """A logger beside metrics.csv.

    Attributes:
        lightning: takes the metrics while the run trains and is scored.
        show_table: takes a table of texts and numbers: its name, columns, rows, and the optimizer step.
        show_outcome: takes what a finished run came to: its settings by dotted key, numbers by name, its optimizer steps.
        close: writes out what is still held; takes whether the run failed.
    """

    lightning: Logger
    show_table: Callable[[str, Sequence[str], Sequence[Sequence[Any]], int], None]
    show_outcome: Callable[[Mapping[str, Any], Mapping[str, float], int], None]
    close: Callable[[bool], None]


def extra_loggers(sections: Sequence[LoggerSection], run: RunDirectory) -> list[ExtraLogger]:
    """One for each section that is more than metrics.csv.

    Raises:
        MissingExtra: a logger's package is not installed.
    """
    found = []
    for section in sections:
        if isinstance(section, WandbSection):
            found.append(_wandb(section, run))
        elif isinstance(section, TensorboardSection):
            found.append(_tensorboard(run))
    return found


def _wandb(section: WandbSection, run: RunDirectory) -> ExtraLogger:
    """The outcome becomes the summary, by which W&B's table of runs is sorted; the settings are there from the start.

    A run that failed is ended as failed; one that went well stays open for its records, which follow, until the next run or the process
    ends.
    """
    try:
        import wandb
        from lightning.pytorch.loggers import WandbLogger
        from wandb.errors import Error as WandbError
    except ModuleNotFoundError:
        raise MissingExtra("wandb", extra="wandb", purpose="logger=wandb") from None
    labels = run.labels
    # One W&B run for every job, also when one process runs several: a fresh init, named after the run directory, resumable by its id.
    try:
        experiment = wandb.init(
            project=section.project,
            entity=section.entity,
            mode=section.mode,
            dir=str(run.path),
            group=labels.study,
            name=f"{labels.task}/{labels.arm}/{labels.size}/seed={labels.seed}",
            id=f"{run.hash}-{labels.seed}-{run.path.name}",
            resume="allow",
            config=run.config,
            reinit="finish_previous",
        )
    except WandbError as error:
        raise UserError(
            f"logger.mode={section.mode}: W&B refused ({' '.join(str(error).split())}); log in, or use logger.mode=offline"
        ) from None
    logger = WandbLogger(experiment=experiment)
    return ExtraLogger(
        lightning=logger,
        show_table=lambda name, columns, rows, step: logger.log_table(name, columns=[*columns], data=[[*row] for row in rows], step=step),
        show_outcome=lambda settings, outcome, step: experiment.summary.update(dict(outcome)),
        close=lambda failed: experiment.finish(exit_code=1) if failed else None,
    )


def _tensorboard(run: RunDirectory) -> ExtraLogger:
    """The outcome stands beside the settings under HPARAMS."""
    try:
        import tensorboard  # noqa: F401
        from lightning.pytorch.loggers import TensorBoardLogger
    except ModuleNotFoundError:
        raise MissingExtra("tensorboard", extra="tensorboard", purpose="logger=tensorboard") from None
    logger = TensorBoardLogger(save_dir=str(run.path), name="tensorboard", version="", default_hp_metric=False)
    return ExtraLogger(
        lightning=logger,
        show_table=lambda name, columns, rows, step: logger.experiment.add_text(name, _markdown(columns, rows), step),
        show_outcome=lambda settings, outcome, step: logger.log_hyperparams(dict(settings), dict(outcome), step),
        close=lambda failed: logger.finalize("failed" if failed else "success"),
    )


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table as TensorBoard shows it: cells as they are, not as markup."""
    lines = [columns, ["---"] * len(columns), *([f"`{cell}`" if isinstance(cell, str) else cell for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in line)} |" for line in lines)
