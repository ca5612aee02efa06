"""Slurm's commands: sbatch, squeue, scontrol, scancel, and sacct where the cluster keeps accounts."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hrmlab.core.errors import UserError

_PATIENCE = 120.0
_WANTED = ("sbatch", "squeue", "srun", "scontrol", "scancel")
_INHERITED = ("SLURM_CONF", "SLURM_TIME_FORMAT")


class Refused(UserError):  # noqa: N818 - reads as what it is
    """sbatch took no job: what it said."""


@dataclass(frozen=True)
class Queued:
    """A job in the queue.

    Attributes:
        id: Slurm's.
        state: such as PENDING or RUNNING.
        nodes: where it runs; empty while it waits.
        reason: why it waits.
        comment: as it was submitted with.
    """

    id: str
    state: str
    nodes: str
    reason: str
    comment: str


def check_commands() -> None:
    """Refuse a machine that cannot submit jobs.

    Raises:
        UserError: one of Slurm's commands is not there.
    """
    missing = [name for name in _WANTED if shutil.which(name) is None]
    if missing:
        raise UserError(
            f"launcher=slurm needs Slurm's commands and {', '.join(missing)} is not on PATH; start hrm-sweep on the cluster, "
            "or leave launcher=slurm out to use this machine"
        )


def submit(options: Sequence[str], script: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """A new job; its id.

    Raises:
        Refused: sbatch did not take it.
    """
    answer = _ask(["sbatch", "--parsable", *options, script, *arguments], environment)
    if answer is None:
        raise Refused(f"sbatch did not answer within {_PATIENCE:.0f} s; see to the cluster (sinfo) and start the same command again")
    if answer.returncode != 0:
        raise Refused(f"sbatch refused a job: {_said(answer)}; mend the launcher's settings (launcher.partition=..., docs/cluster.md)")
    id = answer.stdout.strip().partition(";")[0]
    if not id.isdigit():
        raise Refused(f"sbatch answered {answer.stdout.strip()!r}, which is no job's number; is it Slurm's?")
    return id


def queue() -> dict[str, Queued] | None:
    """This user's jobs that have not ended, by id; None where Slurm does not answer."""
    answer = _ask(["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%T|%N|%r|%k"])
    if answer is None or answer.returncode != 0:
        return None
    rows = [line.split("|", 4) for line in answer.stdout.splitlines()]
    return {row[0]: Queued(*row) for row in rows if len(row) == 5}


def ending(id: str) -> str:
    """How a job ended that is in the queue no more, such as ``NODE_FAIL`` or ``FAILED (exit code 2:0)``; empty where Slurm does not know.

    The controller knows for some minutes; after that only a cluster with accounting does.
    """
    answer = _ask(["scontrol", "show", "job", "--oneliner", id])
    fields = dict(re.findall(r"(\w+)=(\S*)", answer.stdout)) if answer is not None and answer.returncode == 0 else {}
    state, code = fields.get("JobState", ""), fields.get("ExitCode", "")
    if not state and shutil.which("sacct"):
        answer = _ask(["sacct", "--noheader", "--parsable2", "--allocations", "--format=State,ExitCode", "--jobs", id])
        lines = answer.stdout.splitlines() if answer is not None and answer.returncode == 0 else []
        state, _, code = lines[-1].partition("|") if lines else ("", "", "")
    return f"{state} (exit code {code})" if state == "FAILED" else state


def cancel(id: str) -> None:
    """End a job."""
    _ask(["scancel", id])


def outside_any_job(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what Slurm tells the job that this process may itself be in; srun would take it for the new job's."""
    return {name: value for name, value in environment.items() if not name.startswith("SLURM_") or name in _INHERITED}


def _ask(command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
            env=None if environment is None else dict(environment),
            start_new_session=True,  # Ctrl-C in the terminal does not cut a submission in two
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _said(answer: subprocess.CompletedProcess[str]) -> str:
    """The error of a command in its own words, on one line."""
    lines = [re.sub(r"^\w+: (error|fatal): ", "", line).strip() for line in answer.stderr.splitlines() if line.strip()]
    return ", ".join(dict.fromkeys(lines)).rstrip(".") or f"exit code {answer.returncode}"
