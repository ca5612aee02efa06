"""How a sweep's jobs are started: conf/launcher/<name>.yaml, with ``launcher.<key>=<value>`` over it. No part of a run's configuration."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from hrmlab.config.location import LAUNCHER, choices, config_file
from hrmlab.config.schema import Count
from hrmlab.config.validation import validate_against
from hrmlab.config.values import AtLeast, Positive, nearest
from hrmlab.core.errors import UserError


@dataclass(frozen=True)
class MemorySize:
    """An amount of memory as Slurm writes it."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        return None if re.fullmatch(r"\d+[KMGT]?", value) else "is not an amount of memory; write it as 16G, 500M or 1T"


@dataclass(frozen=True)
class Options:
    """Options of a command, each one word."""

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value and what to do; None when nothing is."""
        wrong = next((word for word in value if not re.fullmatch(r"-\w|-\w\S+|--[a-z][\w-]*(=.+)?", word)), None)
        return None if wrong is None else f"holds {wrong!r}, which is not an option; write each as one word, such as --constraint=a100"


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """Jobs on this machine."""

    name: Literal["local"]


@dataclass(frozen=True, kw_only=True)
class SlurmSettings:
    """What every job asks Slurm for; nodes, processes and GPUs are those of its trainer.

    Attributes:
        partition: None: the cluster's default.
        time_limit_minutes: of a job; None: the partition's.
        memory: of one node; None: the partition's default.
        cpus: of each process; None: ``trainer.threads``, or 1.
        gpu_type: None: any.
        signal_seconds: so long before its time limit a job is told to save.
        requeues: most times that a job is put back into the queue at its time limit.
        retries: most times that a job is put back after it was killed.
        poll_seconds: between two looks at the queue.
        sbatch_arguments: further ones.
        srun_arguments: further ones.
    """

    name: Literal["slurm"]
    partition: str | None
    account: str | None
    qos: str | None
    time_limit_minutes: Count | None
    memory: Annotated[str, MemorySize()] | None
    cpus: Count | None
    gpu_type: str | None
    signal_seconds: Count
    requeues: Annotated[int, AtLeast(0)]
    retries: Annotated[int, AtLeast(0)]
    poll_seconds: Annotated[float, Positive()]
    sbatch_arguments: Annotated[list[str], Options()]
    srun_arguments: Annotated[list[str], Options()]


LauncherSettings = LocalSettings | SlurmSettings

_KINDS: dict[str, type[LocalSettings] | type[SlurmSettings]] = {"local": LocalSettings, "slurm": SlurmSettings}


def read_launcher(choice: str, changes: Mapping[str, Any], folders: Sequence[str | Path] = ()) -> LauncherSettings:
    """The settings of a launcher.

    Args:
        choice: its file's name in ``conf/launcher``, or in ``launcher`` of one of the folders.
        changes: values of single keys.
        folders: of the user (``--config-dir``).

    Raises:
        UserError: unknown choice or key, wrong type or bound, or a file that cannot be read.
    """
    file = config_file(LAUNCHER, choice, folders)
    if file is None:
        names = choices(LAUNCHER, folders)
        guess = nearest(choice, names)
        raise UserError(
            f"{LAUNCHER}={choice} is not there; " + (f"did you mean {guess}? " if guess else "") + f"choices: {', '.join(names)}"
        )
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{file} cannot be read as YAML ({' '.join(str(error).split())}); mend it") from None
    kind = content.get("name") if isinstance(content, Mapping) else None
    if kind not in _KINDS:
        raise UserError(f"{file} does not say which launcher it sets up; give it the line name: slurm, or name: local")
    return _KINDS[kind](**validate_against(_KINDS[kind], {**content, **changes}, parent=LAUNCHER))
