"""The typed schema of everything that has no class behind it. Values live in conf/*.yaml; here are names, types and bounds."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from hrmlab.config.values import (
    AtLeast,
    AtMost,
    Between,
    FolderName,
    FromZeroBelow,
    NotEmpty,
    NotNegative,
    Positive,
    Share,
    Threads,
    ZeroToOne,
)

Count = Annotated[int, AtLeast(1)]
HaltingTarget = Literal["exact", "cells"]
HaltingLoss = Literal["cross_entropy", "squared_error"]
Steps = Annotated[int, AtLeast(1), AtMost(10**9)]
Examples = Annotated[int, AtLeast(1), AtMost(10**6)]
"""As many as are held in memory at a time."""

Role = Literal["subject", "control", "baseline"]
"""What an arm is in a comparison: asked about; alike but for one thing; the ordinary way."""


@dataclass(frozen=True, kw_only=True)
class Root:
    """Keys beside the sections.

    Attributes:
        study: the set of runs behind one report; a folder name.
        seed: start of every random stream.
        arm: name in the comparison; None for the model's name, to which the commands add what was overridden (``config.naming``).
        task: likewise; None for the name that the data component gives.
        match: what the budget makes equal.
        resume: a run directory to go on with.
        output_root: the folder that run directories go into.
        role: of the arm in the comparison; None for the one that the model's file declares.
        asks: what the study asks, for its report: arms (against every control and baseline) or pairs such as ``hrm-transformer``; None:
            every subject against every control and baseline. What is not asked for is exploratory.
        margin: points below which a difference of accuracies is none worth having (of other units per cent of the opponent's level).
        extends: the finished run directory from whose last checkpoint this run begins.
        python_path: the user's configuration folder (``--config-dir``), where classes of the user's own lie in it or beside it.
        tuning: how the values that a tuning study chose for this run were found (``config.tuning``); changes nothing of what it computes.
        question: what the study asks, in a sentence: the first words of its report.
        limits: what the study cannot say, in a sentence: the report puts it under the verdict's scope.
    """

    study: Annotated[str, FolderName()]
    seed: Annotated[int, AtLeast(0)]
    arm: Annotated[str, FolderName()] | None
    task: Annotated[str, FolderName()] | None
    match: Literal["parameters", "non_embedding"]
    resume: str | None
    output_root: str
    role: Role | None = None
    asks: Annotated[list[str], NotEmpty()] | None = None
    margin: Annotated[float, Positive()] = 5.0
    extends: str | None = None
    python_path: str | None = None
    tuning: dict | None = None
    question: str | None = None
    limits: str | None = None


@dataclass(frozen=True, kw_only=True)
class Regime:
    """How deep and how long every arm of a comparison thinks; each arm's file maps it to arguments of its own.

    Attributes:
        name: folder name of the regime.
        depth: blocks of a flat model; an arm of several stages divides them.
        segments: most supervised segments for an example.
        halting: whether an example may end earlier.
    """

    name: Annotated[str, FolderName()]
    depth: Annotated[int, AtLeast(1), AtMost(10_000)]
    segments: Annotated[int, AtLeast(1), AtMost(10_000)]
    halting: bool


@dataclass(frozen=True, kw_only=True)
class Size:
    """A parameter budget.

    Attributes:
        name: folder name of the size.
        parameters: parameters that every model is solved to have.
        head_size: channels of one attention head; hidden sizes are multiples of it.
    """

    name: Annotated[str, FolderName()]
    parameters: Annotated[int, AtLeast(1), AtMost(10**12)]
    head_size: Annotated[int, AtLeast(2)]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long, how big, how often.

    Attributes:
        steps: optimizer steps, one supervised segment each.
        batch_size: examples (slots) in a step, over all devices.
        ema_decay: of the weights' exponential moving average; None: off.
        ema_from: the average begins at this step, from the weights as they are then; until then it is those weights themselves.
        gradient_clip: largest gradient norm; None: off.
        validation_examples: size of the validation subset; None: the whole split.
        checkpoint_every_minutes: minutes of wall time.
        halting_loss_weight: of the halting scores' losses, beside the answer's.
        halting_target: what q_halt learns: whether the answer is right, or the share of it that is.
        label_smoothing: probability that the answer's loss spreads over all tokens.
        evaluate: which checkpoint meets the test split, chosen on validation.
        time_limit_minutes: training stops, resumable, after this wall time.
        halting_loss: how far a halting score is from its target: cross-entropy, or the squared error of its sigmoid.
        halting_curriculum: share of the steps over which the segments that an example may have grow from 1 to all; 0: all from the start.
        gradient_checkpointing: compute the activations of blocks again in the backward pass, which takes time and spares memory.
        gradient_accumulation: parts that a process computes its slots in, one after another, in one step.
        curriculum_share: share of the steps over which the examples that training draws from grow from the easiest to all; 0: all from the
            start.
        curriculum_start: share of the training examples, the easiest by rating, that such growth begins with.
        exploration_annealing: share of the steps over which a model's exploration falls to 0, in a line; 0: it stays.
        loss_terms: further losses by name, see :mod:`hrmlab.config.loss_terms`.
    """

    steps: Steps
    batch_size: Examples
    precision: Literal["fp32", "bf16"]
    compile: bool
    ema_decay: Annotated[float, Between(0.0, 1.0)] | None
    gradient_clip: Annotated[float, Positive()] | None
    loss: Literal["stablemax", "softmax"]
    label_smoothing: Annotated[float, FromZeroBelow(1.0)]
    halting_loss_weight: Annotated[float, NotNegative()]
    halting_target: HaltingTarget
    validate_every_steps: Count
    validation_examples: Count | None
    evaluation_batch_size: Examples
    log_every_steps: Count
    checkpoint_every_steps: Count
    checkpoint_every_minutes: Annotated[float, Positive()]
    evaluate: Literal["best", "last"]
    time_limit_minutes: Annotated[float, Positive()] | None
    halting_loss: HaltingLoss = "cross_entropy"
    halting_curriculum: Annotated[float, ZeroToOne()] = 0.0
    exploration_annealing: Annotated[float, ZeroToOne()] = 0.0
    curriculum_share: Annotated[float, FromZeroBelow(1.0)] = 0.0
    curriculum_start: Annotated[float, Share()] = 0.2
    ema_from: Annotated[int, AtLeast(0)] = 0
    loss_terms: dict = field(default_factory=dict)
    gradient_checkpointing: bool = False
    gradient_accumulation: Count = 1


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Where it runs.

    Attributes:
        devices: processes, one device each.
        strategy: ``ddp``: every process has the whole model; ``fsdp``: each has a part of every weight.
        threads: CPU threads of one process; None: all that it may use, divided by the processes.
    """

    name: str
    accelerator: Literal["cpu", "gpu", "auto"]
    devices: Count
    num_nodes: Count
    strategy: Literal["auto", "ddp", "fsdp"]
    threads: Annotated[int, AtLeast(1), Threads()] | None
    progress_bar: bool


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How answers are scored, and how code is generated.

    Attributes:
        problems: ``own`` test splits, or a further set that is scored beside them.
        path: file of that set.
        hub_name: its name on the Hugging Face hub.
        limit: only the first so many problems of each set.
        samples: answers to each problem.
        temperature: 0 for the most likely token.
        top_p: share of probability to sample from.
        max_new_tokens: longest answer.
        stop: texts that end an answer.
        ks: pass@k is reported for these.
        halting: read each token where the model wants to stop.
        batch_size: answers written at a time.
        compile: compile the step of one token of an answer.
        timeout: seconds for one program.
        workers: programs run side by side.
        allow_unsafe_execution: run programs even where no sandbox holds.
        trajectories: answers to each puzzle, of which the one with the best halting score is taken (PTRM); all but the first with noise.
        noise: standard deviation of what is added to the states before each segment of those.
        views: symmetric images of each puzzle, itself the first, whose answers vote; each has its own trajectories.
        beyond: for accuracy against segments, puzzles of the test split are solved on to so many times the segments of training.
    """

    name: Annotated[str, FolderName()]
    problems: Literal["own", "humaneval", "humaneval_plus", "mbpp", "file"]
    path: str | None
    hub_name: str | None
    limit: Count | None
    samples: Examples
    temperature: Annotated[float, NotNegative()]
    top_p: Annotated[float, Share()]
    max_new_tokens: Annotated[int, AtLeast(1), AtMost(10**6)]
    stop: list[str]
    ks: Annotated[list[Count], NotEmpty()]
    halting: bool
    batch_size: Examples
    timeout: Annotated[float, Positive()]
    workers: Count
    allow_unsafe_execution: bool
    compile: bool = False
    beyond: Annotated[int, AtLeast(1), AtMost(1000)] = 1
    trajectories: Annotated[int, AtLeast(1), AtMost(10_000)] = 1
    noise: Annotated[float, NotNegative()] = 0.0
    views: Annotated[int, AtLeast(1), AtMost(10_000)] = 1


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What is checked before anything is believed.

    Attributes:
        causality: before training, for tasks of next-token prediction.
        contamination: of code evaluation sets by the training text.
        allow_leak: train a model that the causality audit refuses.
    """

    name: Annotated[str, FolderName()]
    causality: bool
    contamination: bool
    allow_leak: bool


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of learning by reward.

    Attributes:
        problems: the kind of problems to practise on, as the task names them; ``training``: those that it was trained on.
        examples: how many.
        epochs: how often each is seen.
        rewards: by name, with their weights; one of your own by its dotted path (docs/rl.md); a null switches off what a file asks for.
        learning_rate, temperature, max_completion_tokens: of this stage; None: the objective's.
    """

    problems: str
    examples: Count
    epochs: Count
    rewards: dict
    learning_rate: Annotated[float, Positive()] | None = None
    temperature: Annotated[float, Positive()] | None = None
    max_completion_tokens: Count | None = None


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is learned: the task's own labels, and after them stage by stage what rewards say of the model's own answers (GRPO, Shao et
    al. 2024, arXiv 2402.03300).

    Attributes:
        order: the stages that follow the supervised training, one after another; empty for none.
        stages: by name.
        learning_rate: of AdamW.
        batch_size: answers computed at a time.
        gradient_accumulation: such batches in an optimizer step.
        generations: answers to each problem, which are compared with each other.
        max_completion_tokens: of an answer.
        temperature: of the sampling.
        reward_scale: what the differences of rewards within a problem's answers are divided by: their deviation there (``group``, as in the
            paper), that over all answers of the step (``batch``), or nothing (``none``).
        kl_weight: of the divergence from the model that the supervised training left; 0: it is not measured.
        gradient_clip: largest gradient norm.
        warmup_share: share of a stage's steps over which the learning rate rises.
        final_learning_rate_ratio: share of itself that the learning rate falls to by the end of each stage, as half a cosine.
        held_out_problems: problems of each test split, and of a stage's kind, that are answered after every stage.
        checkpoint_every_steps, log_every_steps: optimizer steps.
    """

    name: Annotated[str, FolderName()]
    order: list[str] = field(default_factory=list)
    stages: dict = field(default_factory=dict)
    learning_rate: Annotated[float, Positive()] = 5e-5
    batch_size: Examples = 4
    gradient_accumulation: Count = 2
    generations: Annotated[int, AtLeast(2), AtMost(1000)] = 8
    max_completion_tokens: Annotated[int, AtLeast(1), AtMost(10**6)] = 256
    temperature: Annotated[float, Positive()] = 1.0
    reward_scale: Literal["group", "batch", "none"] = "group"
    kl_weight: Annotated[float, NotNegative()] = 0.04
    gradient_clip: Annotated[float, Positive()] = 1.0
    warmup_share: Annotated[float, FromZeroBelow(1.0)] = 0.0
    final_learning_rate_ratio: Annotated[float, ZeroToOne()] = 1.0
    held_out_problems: Count = 200
    checkpoint_every_steps: Count = 50
    log_every_steps: Count = 5


@dataclass(frozen=True, kw_only=True)
class CsvLogger:
    """metrics.csv alone, which every run writes."""


@dataclass(frozen=True, kw_only=True)
class WandbLogger:
    """Weights & Biases, one of its runs per job."""

    project: str
    entity: str | None
    mode: Literal["offline", "online", "disabled"]


@dataclass(frozen=True, kw_only=True)
class TensorboardLogger:
    """TensorBoard event files in the run directory."""


Logger = CsvLogger | WandbLogger | TensorboardLogger

LOGGERS: dict[str, type] = {"csv": CsvLogger, "wandb": WandbLogger, "tensorboard": TensorboardLogger}
"""By the key that chooses one where it is true. Several may be chosen (``logger=[wandb,tensorboard]``): their keys stand side by side."""
SECTION_SCHEMAS: dict[str, type] = {
    "regime": Regime,
    "size": Size,
    "training": Training,
    "trainer": Trainer,
    "evaluation": Evaluation,
    "audit": Audit,
    "objective": Objective,
}
COMPONENT_SECTIONS = ("model", "data", "optimizer")
