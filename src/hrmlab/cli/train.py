"""hrm-train: one run, or several in this process with ``-m``."""

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hrmlab.cli.command import run_command
from hrmlab.cli.help import train_help, wants_help
from hrmlab.core.errors import UserError
from hrmlab.core.processes import process_rank
from hrmlab.runs.directory import RunDirectory
from hrmlab.workflows.launch import execute, join, new_run, result_line
from hrmlab.workflows.rendezvous import leading

if TYPE_CHECKING:
    from hrmlab.config.composition import Composer

NAME = "hrm-train"


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Compose, check, train; the exit code."""
    if wants_help(arguments):
        print(train_help())
        return 0
    if process_rank() > 0:
        join()
        return 0
    with leading():
        return _lead(arguments)


def _lead(arguments: Sequence[str]) -> int:
    """What the first, or only, process does."""
    from hrmlab.config.composition import composer, protect
    from hrmlab.config.grid import expand, is_decided

    arguments = [protect(word) for word in arguments]
    flags, among = parse_flags(arguments), None
    with composer([flags.config_dir] if flags.config_dir else []) as composing:
        asks = flags.cfg or flags.info or flags.hydra_help or flags.shell_completion
        if not asks and not flags.multirun:
            for key, go_on in (("resume", resume), ("extend", extend)):
                if path := named_run(composing, flags.overrides, key):
                    return go_on(composing, path, flags.overrides)
        plan = composing.plan(flags.overrides)
        if not asks and not flags.multirun:
            if not plan.multirun or is_decided(composing, flags.overrides, plan):
                return run_single(composing, flags.overrides)
            jobs = expand(composing, flags.overrides, plan)
            if len(jobs) == 1:
                return run_single(composing, jobs[0])
        if asks:
            composing.compose(flags.overrides)
        else:
            from hrmlab.cli.multirun import check_jobs

            among = check_jobs(composing, flags.overrides, plan)
    from hrmlab.cli.multirun import through_hydra

    return through_hydra(arguments, flags, among=among)


def run_single(composing: "Composer", overrides: Sequence[str]) -> int:
    """A new run from its overrides; the exit code."""
    from hrmlab.workflows.labels import labels_of, named, refuse_clash

    composition = composing.compose(overrides)
    if composition.config.resume is not None:
        raise UserError(f"resume={composition.config.resume} stands in a file; give it on the command line, it names one run")
    if composition.config.extends is not None:
        raise UserError(f"extends={composition.config.extends} is filled by hrm-train extend=RUN_DIRECTORY; write extend=RUN_DIRECTORY")
    config = named(composing, composition)
    refuse_clash(config, labels_of(config))
    return _execute(new_run(config, composition.overrides))


def resume(composing: "Composer", path: str, overrides: Sequence[str]) -> int:
    """Go on with the run at a path; the exit code."""
    from hrmlab.workflows.resume import reopen

    return _execute(reopen(composing, path, _without(composing, overrides, "resume")))


def extend(composing: "Composer", path: str, overrides: Sequence[str]) -> int:
    """Start a new run from the last checkpoint of the finished one at a path; the exit code."""
    from hrmlab.workflows.labels import labels_of, refuse_clash
    from hrmlab.workflows.resume import begin_from, extended

    others = _without(composing, overrides, "extend")
    config = extended(composing, path, others)
    refuse_clash(config, labels_of(config))
    run = new_run(config, [*RunDirectory.open(path).overrides, *others])
    begin_from(run, path)
    return _execute(run)


def named_run(composing: "Composer", overrides: Sequence[str], key: str) -> str | None:
    """The run directory that the overrides ask to ``resume`` or ``extend``."""
    values = [override.value() for override in composing.parse(overrides) if override.key_or_group == key]
    return str(values[-1]) if values and values[-1] is not None else None


def _without(composing: "Composer", overrides: Sequence[str], key: str) -> list[str]:
    return [override.input_line or "" for override in composing.parse(overrides) if override.key_or_group != key]


def _execute(run: RunDirectory) -> int:
    print(f"run directory: {run.path}", flush=True)
    print(result_line(run, execute(run)), flush=True)
    return 0


def parse_flags(arguments: Sequence[str]) -> Namespace:
    """Hydra's own flags.

    Raises:
        UserError: an unknown flag, or one that would bypass the checked configuration.
    """
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()

    def complain(message: str) -> None:
        raise UserError(f"{message}; see {NAME} --help")

    parser.error = complain  # type: ignore[method-assign, assignment]
    flags = parser.parse_intermixed_args(list(arguments))
    for flag in ("config_path", "config_name", "experimental_rerun"):
        if getattr(flags, flag) is not None:
            raise UserError(f"--{flag.replace('_', '-')} is not supported; use --config-dir to add config groups of your own")
    return flags


if __name__ == "__main__":
    main()
