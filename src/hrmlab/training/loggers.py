"""Where metrics go: always metrics.csv, and what else the configuration asks for."""

from collections.abc import Mapping
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers.logger import Logger

from hrmlab.config.schema import Logger as LoggerSection
from hrmlab.config.schema import TensorboardLogger as TensorboardSection
from hrmlab.config.schema import WandbLogger as WandbSection
from hrmlab.core.errors import MissingExtra
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


def extra_loggers(section: LoggerSection, run: RunDirectory) -> list[Logger]:
    """Loggers beside metrics.csv for a section of ``conf/logger``.

    Raises:
        MissingExtra: the logger's package is not installed.
    """
    labels = run.labels
    if isinstance(section, WandbSection):
        try:
            import wandb
            from lightning.pytorch.loggers import WandbLogger
        except ModuleNotFoundError:
            raise MissingExtra("wandb", extra="wandb", purpose="logger=wandb") from None
        # One W&B run for every job, also when one process runs several: a fresh init, named after the run directory, resumable by its id.
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
        return [WandbLogger(experiment=experiment)]
    if isinstance(section, TensorboardSection):
        try:
            import tensorboard  # noqa: F401
            from lightning.pytorch.loggers import TensorBoardLogger
        except ModuleNotFoundError:
            raise MissingExtra("tensorboard", extra="tensorboard", purpose="logger=tensorboard") from None
        return [TensorBoardLogger(save_dir=str(run.path), name="tensorboard", version="")]
    return []
