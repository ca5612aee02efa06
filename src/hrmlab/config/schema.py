"""The typed schema of everything that has no class behind it. Values live in conf/*.yaml; here are names, types and bounds."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hrmlab.config.values import AtLeast, Between, FolderName, Positive

Count = Annotated[int, AtLeast(1)]


@dataclass(frozen=True, kw_only=True)
class Root:
    """Keys beside the sections.

    Attributes:
        study: the set of runs behind one report; a folder name.
        seed: start of every random stream.
        arm: name in the comparison; None for the model's name.
        task: name in the comparison; None for the name that the data component gives.
        match: what the budget makes equal.
        resume: a run directory to go on with.
        output_root: the folder that run directories go into.
    """

    study: Annotated[str, FolderName()]
    seed: Annotated[int, AtLeast(0)]
    arm: Annotated[str, FolderName()] | None
    task: Annotated[str, FolderName()] | None
    match: Literal["parameters", "non_embedding"]
    resume: str | None
    output_root: str


@dataclass(frozen=True, kw_only=True)
class Size:
    """A parameter budget.

    Attributes:
        name: folder name of the size.
        parameters: parameters that every model is solved to have.
        head_size: channels of one attention head; hidden sizes are multiples of it.
    """

    name: Annotated[str, FolderName()]
    parameters: Count
    head_size: Annotated[int, AtLeast(2)]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long, how big, how often.

    Attributes:
        steps: optimizer steps, one supervised segment each.
        batch_size: examples (slots) in a step, over all devices.
        ema_decay: of the weights' exponential moving average; None: off.
        gradient_clip: largest gradient norm; None: off.
        validation_examples: size of the validation subset; None: the whole split.
        checkpoint_every_minutes: minutes of wall time.
        evaluate: which checkpoint meets the test split, chosen on validation.
        time_limit_minutes: training stops, resumable, after this wall time.
    """

    steps: Count
    batch_size: Count
    precision: Literal["fp32", "bf16"]
    compile: bool
    ema_decay: Annotated[float, Between(0.0, 1.0)] | None
    gradient_clip: Annotated[float, Positive()] | None
    loss: Literal["stablemax", "softmax"]
    validate_every_steps: Count
    validation_examples: Count | None
    evaluation_batch_size: Count
    log_every_steps: Count
    checkpoint_every_steps: Count
    checkpoint_every_minutes: Annotated[float, Positive()]
    evaluate: Literal["best", "last"]
    time_limit_minutes: Annotated[float, Positive()] | None


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Where it runs.

    Attributes:
        devices: processes, one device each.
        strategy: of Lightning.
        threads: CPU threads of one process; None: all that it may use, divided by the processes.
    """

    name: str
    accelerator: Literal["cpu", "gpu", "auto"]
    devices: Count
    num_nodes: Count
    strategy: Literal["auto", "ddp"]
    threads: Count | None
    progress_bar: bool


@dataclass(frozen=True, kw_only=True)
class CsvLogger:
    """metrics.csv alone."""

    name: Literal["csv"]


@dataclass(frozen=True, kw_only=True)
class WandbLogger:
    """Weights & Biases, one of its runs per job."""

    name: Literal["wandb"]
    project: str
    entity: str | None
    mode: Literal["offline", "online", "disabled"]


@dataclass(frozen=True, kw_only=True)
class TensorboardLogger:
    """TensorBoard event files in the run directory."""

    name: Literal["tensorboard"]


LOGGERS: dict[str, type] = {"csv": CsvLogger, "wandb": WandbLogger, "tensorboard": TensorboardLogger}
SECTION_SCHEMAS: dict[str, type] = {"size": Size, "training": Training, "trainer": Trainer}
COMPONENT_SECTIONS = ("model", "data", "optimizer")
SOLVED = {"model": frozenset({"hidden_size", "num_heads", "mlp_width"})}
"""Parameters that may be null although their type says otherwise: the budget fills them."""
