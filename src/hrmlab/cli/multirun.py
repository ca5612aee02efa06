"""Hydra's multirun, launchers and questions (--cfg, --info): checked first, then handed to Hydra, which writes nothing of its own."""

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from hrmlab.cli.command import guarded, say
from hrmlab.core.errors import UserError
from hrmlab.workflows.launch import execute, new_run, result_line

if TYPE_CHECKING:
    from hrmlab.config.composition import Composer, SweepPlan
    from hrmlab.config.configuration import Configuration

NAME = "hrm-train"


def check_jobs(composing: "Composer", overrides: Sequence[str], plan: "SweepPlan") -> set[str] | None:
    """Check every job before the first one starts, where they can be known beforehand; the keys that differ between them (None: one job).

    Raises:
        UserError: what is wrong with one of them.
    """
    from hrmlab.config.grid import compose_all, expand, is_grid
    from hrmlab.config.naming import differing
    from hrmlab.workflows.labels import labels_of, named, refuse_clash, refuse_namesakes

    if plan.arms:
        raise UserError("this sweep lists its arms one by one, which -m (--multirun) cannot run; use hrm-sweep with the same overrides")
    if plan.search is not None:
        raise UserError("this sweep tunes (search:), which -m (--multirun) cannot do; use hrm-sweep with the same overrides")
    parsed = composing.parse([*(f"{key}={value}" for key, value in plan.grid.items()), *overrides])
    if not is_grid(parsed):  # an optimising sweeper draws its values while it goes; each job is checked when it starts
        return {override.key_or_group for override in parsed if override.is_sweep_override()}
    compositions = compose_all(composing, expand(composing, overrides, plan))
    for composition in compositions:
        _check_single_process(composition.config)
    among = differing(composing, compositions) if len(compositions) > 1 else None
    configs = [named(composing, composition, among=among) for composition in compositions]
    jobs = [(labels_of(config), config) for config in configs]
    refuse_namesakes(jobs)
    for labels, config in jobs:
        refuse_clash(config, labels)
    return among


def through_hydra(arguments: Sequence[str], flags: Namespace, *, among: Collection[str] | None) -> int:
    """Run the command line through ``hydra.main``; the exit code.

    Args:
        arguments: of the command line.
        flags: what they say.
        among: the keys that differ between the jobs, which enter the arms' names.
    """
    import hydra

    from hrmlab.config.composition import VERSION_BASE
    from hrmlab.config.location import configuration_root
    from hrmlab.config.translation import translated

    failures: list[str] = []
    hydra_main = hydra.main(version_base=VERSION_BASE, config_path=str(configuration_root() / "conf"), config_name="train")
    original = sys.argv
    with tempfile.TemporaryDirectory(prefix="hrmlab-multirun-") as scratch:
        overrides = list(flags.overrides)
        if not any(word.lstrip("+").startswith(("hydra.sweep.dir=", "hydra/launcher=")) for word in overrides) and not flags.cfg:
            overrides.append(f"hydra.sweep.dir='{scratch}'")  # Hydra insists on a folder for its own record; ours are the run directories
        sys.argv = [original[0], *_without(arguments, flags.overrides), *overrides]
        os.environ["HYDRA_FULL_ERROR"] = "1"  # the exception itself, not a printed one
        try:
            with translated(folders=[flags.config_dir] if flags.config_dir else []):
                hydra_main(lambda _: _job(flags, among, failures))()
        except _JobFailed:
            pass
        finally:
            sys.argv = original
    if failures:
        say(NAME, f"{len(failures)} {'jobs' if len(failures) > 1 else 'job'} failed: {'; '.join(failures)}")
        return 1
    return 0


def _without(words: Sequence[str], removed: Sequence[str]) -> list[str]:
    """The words left when each of the removed ones is taken out once: the flags, which Hydra wants before the overrides."""
    left = list(words)
    for word in removed:
        left.remove(word)
    return left


class _JobFailed(RuntimeError):  # noqa: N818 - reads as what it is
    """Tells Hydra that a job failed, after it was said."""


def _job(flags: Namespace, among: Collection[str] | None, failures: list[str]) -> float | None:
    """Train one job and say how it ended. The validation accuracy is the objective of an optimising sweeper."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from hrmlab.config.composition import Composer
    from hrmlab.workflows.labels import labels_of, named, refuse_clash

    overrides = [str(word) for word in HydraConfig.get().overrides.task]
    summary: dict[str, Any] = {}

    def body() -> int:
        composing = Composer([flags.config_dir] if flags.config_dir else [], OverridesParser.create())
        config = named(composing, composing.compose(overrides), among=among)
        _check_single_process(config)
        refuse_clash(config, labels_of(config))
        run = new_run(config, overrides)
        print(f"run directory: {run.path}", flush=True)
        summary.update(execute(run))
        print(result_line(run, summary), flush=True)
        return 0

    if _guarded_but_interruptible(body) != 0:
        failures.append(" ".join(overrides))
        raise _JobFailed
    return (summary.get("validation") or {}).get("exact_accuracy")


def _guarded_but_interruptible(body: Callable[[], int]) -> int:
    """Like :func:`guarded`, but Ctrl-C and SIGTERM end the whole multirun."""
    interrupts: list[KeyboardInterrupt] = []

    def inner() -> int:
        try:
            return body()
        except KeyboardInterrupt as interrupt:
            interrupts.append(interrupt)
            return 0

    code = guarded(NAME, inner)
    if interrupts:
        raise interrupts[0]
    return code


def _check_single_process(config: "Configuration") -> None:
    if config.resume is not None:
        raise UserError("resume goes on with one run; start it without -m (--multirun)")
    if config.trainer.strategy == "ddp":
        raise UserError(
            f"trainer={config.trainer.name} (trainer.strategy=ddp) starts several processes, which -m (--multirun) cannot do "
            "job after job; use hrm-sweep (or make sweep), which runs each job in processes of its own"
        )
