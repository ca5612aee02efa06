"""One job of a sweep in a queue, as often as the queue starts it: new, gone on with, or done already. hrm-sweep submits it."""

import time
from collections.abc import Sequence

from hrmlab.cli import train
from hrmlab.cli.arguments import SentenceParser
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError
from hrmlab.core.processes import process_rank
from hrmlab.workflows.launch import join
from hrmlab.workflows.rendezvous import leading

NAME = "hrm-sweep job"
_PATIENCE = 180.0
"""Seconds for the lock of a run whose machine has vanished to be given back by the shared folder."""


def main() -> None:
    """What a job of a queue starts."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Do what the run directory says is left of the job; the exit code."""
    if process_rank() > 0:
        join()
        return 0
    with leading():
        return _lead(arguments)


def _lead(arguments: Sequence[str]) -> int:
    from hrmlab.config.composition import composer
    from hrmlab.sweeping.jobs import composed_jobs, decide
    from hrmlab.sweeping.work import Work, words_to_go_on

    parser = SentenceParser(NAME, add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--retry-failed", action="store_true")
    parser.add_argument("--config-dir")
    flags = parser.parse_intermixed_args(list(arguments))
    with composer([flags.config_dir] if flags.config_dir else []) as composing:
        (job,) = composed_jobs(composing, [flags.overrides])
    deadline = time.monotonic() + _PATIENCE
    while True:
        action, run = decide(job, retry_failed=flags.retry_failed)
        if action != "running":
            break
        if time.monotonic() > deadline:
            raise UserError(f"{run.path if run else job.name} is in use by another process; wait for it to finish or stop it first")
        time.sleep(1.0)
    if action == "completed":
        print(f"completed already: {run.path if run else job.name}", flush=True)
        return 0
    if action == "failed":
        raise UserError(f"{run.path if run else job.name} FAILED before; hrm-sweep --retry-failed runs it again")
    machine = [word for word in flags.overrides if word.startswith(("trainer.threads=", "trainer.progress_bar="))]
    words = words_to_go_on(Work(job, action, run))
    return train.command([*job.flags, *words, *(machine if action != "start" else [])])


if __name__ == "__main__":
    main()
