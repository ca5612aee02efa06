"""hrm-sweep: a grid of runs, each in a fresh process; what is done is skipped, what was interrupted goes on; a report at the end."""

import shlex
from argparse import Namespace
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hrmlab.cli.arguments import SentenceParser, key_values
from hrmlab.cli.command import run_command, say
from hrmlab.cli.help import sweep_help, wants_help
from hrmlab.cli.report import keep
from hrmlab.config.location import LAUNCHER
from hrmlab.core.errors import Unfinished, UserError

if TYPE_CHECKING:
    from hrmlab.config.composition import Composer
    from hrmlab.sweeping.display import Display
    from hrmlab.sweeping.jobs import Job
    from hrmlab.sweeping.launcher import Launcher
    from hrmlab.sweeping.tuning import Tuning
    from hrmlab.sweeping.work import Work

NAME = "hrm-sweep"


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Compose and check all jobs, run them, report; the exit code."""
    if wants_help(arguments):
        print(sweep_help())
        return 0
    flags = _flags(arguments)
    from hrmlab.config.composition import composer
    from hrmlab.sweeping.jobs import chosen, compose_jobs

    launcher = _launcher(flags)
    with composer([flags.config_dir] if flags.config_dir else []) as composing:
        plan = composing.plan(flags.overrides)
        if plan.search is None:
            jobs = chosen(compose_jobs(composing, flags.overrides), flags.only)
            return _estimate(composing, jobs, flags) if flags.estimate else _sweep(jobs, flags, launcher)
        if flags.estimate:
            raise UserError(
                "--estimate measures the jobs of a grid, and a sweep that tunes chooses its jobs on the way; leave --estimate out"
            )
        if flags.only:
            raise UserError("--only chooses among the jobs of a grid, and a sweep that tunes chooses its jobs on the way; leave --only out")
        if flags.detach:
            raise UserError("--detach leaves before any result is known, and a sweep that tunes chooses by results; leave --detach out")
        from hrmlab.sweeping.tuning import Tuning

        tuning = Tuning(composing, flags.overrides, plan)
        return _sweep(tuning.jobs, flags, launcher, tuning)


def _launcher(flags: Namespace) -> "Launcher":
    """Who starts the jobs; its words are taken out of the overrides, for they are no part of a run's configuration."""
    from hrmlab.config.launching import read_launcher
    from hrmlab.sweeping.launcher import launcher_of

    own = [word for word in flags.overrides if word.startswith((f"{LAUNCHER}=", f"{LAUNCHER}."))]
    flags.overrides = [word for word in flags.overrides if word not in own]
    chosen, changes = key_values(own, keys=[LAUNCHER], sections={LAUNCHER: None})
    folders = [flags.config_dir] if flags.config_dir else []
    settings = read_launcher(chosen.get(LAUNCHER, "local"), changes[LAUNCHER], folders)
    return launcher_of(settings, limit=flags.jobs, detach=flags.detach, retry_failed=flags.retry_failed)


def _sweep(jobs: Sequence["Job"], flags: Namespace, launcher: "Launcher", tuning: "Tuning | None" = None) -> int:
    from hrmlab.sweeping.display import Display
    from hrmlab.sweeping.lock import study_lock
    from hrmlab.sweeping.restoring import restore
    from hrmlab.sweeping.work import Told

    def tell(sentence: str) -> None:
        say(NAME, sentence)

    study, output_root = jobs[0].labels.study, Path(jobs[0].config.output_root)
    if flags.dry_run:
        return _dry_run(jobs, flags, launcher)
    with study_lock(output_root / study, say=tell, alone=launcher.ends_with_sweep) as lock:
        restored = restore(jobs, reports_root=flags.reports) if flags.use_records else 0
        works = _decide(jobs, flags)
        launcher.prepare(works)  # what cannot be run is said before anything else
        display = Display(works)
        told = Told(changed=display.changed, tick=display.tick, say=tell)
        _announce(works, display)
        if restored:
            display.line(f"{restored} of them put back from the archive of records; these have no checkpoints")
        try:
            with display.watching():
                launcher.run(works, lock=lock, told=told)
            while tuning is not None and (jobs := tuning.next()):
                if flags.use_records:
                    restore(jobs, reports_root=flags.reports)
                works += (more := _decide(jobs, flags))
                launcher.prepare(more)
                with display.watching():
                    launcher.run(more, lock=lock, told=told)
        except (KeyboardInterrupt, Unfinished) as interrupt:
            display.summary()
            if isinstance(interrupt, Unfinished):
                raise
            raise type(interrupt)("stopped; the same command goes on where it stopped") from None
        display.summary()
        if left := sum(work.state in ("queued", "under way") for work in works):
            tell(f"{left} jobs are in the queue; the same command without --detach follows them and writes the report")
            return 0
        if tuning is not None:
            return 0 if _write_tuned(tuning, output_root, flags) else 1
        reported = flags.no_report or _report(study, output_root, flags)
    done = all(work.state == "completed" or work.action in ("completed", "running") for work in works)
    return 0 if reported and done else 1


def _dry_run(jobs: Sequence["Job"], flags: Namespace, launcher: "Launcher") -> int:
    works = _decide(jobs, flags)
    held = _held(jobs, flags)
    try:
        launcher.prepare(works)
        obstacle = ""
    except UserError as error:
        obstacle = str(error)
    for work in works:
        print(f"{'restore' if work.job.name in held else work.action:<10}{work.job.name}  hrm-train {shlex.join(work.job.overrides)}")
    if obstacle:
        say(NAME, f"nothing could be started on this machine: {obstacle}")
    return 0


def _estimate(composing: "Composer", jobs: Sequence["Job"], flags: Namespace) -> int:
    """What is left of a sweep takes how long: measured on this machine, whoever is to start the jobs."""
    from hrmlab.cli.estimates import tell_estimate
    from hrmlab.sweeping.display import Display

    held = _held(jobs, flags)
    works = _decide([job for job in jobs if job.name not in held], flags)
    display = Display(works)
    if held:
        display.line(f"{len(held)} of {len(jobs)} jobs are in the archive of records")
    if works:
        _announce(works, display)
    if left := [work.job for work in works if work.action in ("start", "resume", "retry")]:
        tell_estimate(composing, left, display.console, limit=flags.jobs)
    else:
        display.line("nothing is left to train")
    return 0


def _held(jobs: Sequence["Job"], flags: Namespace) -> Collection[str]:
    """The names of the jobs that the archive of records would put back."""
    from hrmlab.sweeping.restoring import archived

    return archived(jobs, reports_root=flags.reports)[1] if flags.use_records else ()


def _write_tuned(tuning: "Tuning", output_root: Path, flags: Namespace) -> bool:
    """Whether every arm got its values on every task; a trial that failed is one, and no failure of the sweep.

    Its trials are no comparison of arms, so there is no report of one: tuned.yaml, tuned.md, and the records where they are asked for.
    """
    from hrmlab.reporting.collect.gather import collect
    from hrmlab.sweeping.tuning import NAME as FILE
    from hrmlab.sweeping.tuning import write_tuned

    study = tuning.jobs[0].labels.study
    path = Path(flags.reports) / study / FILE
    sentences = write_tuned(tuning, path)
    if flags.records:
        keep(collect(study=study, output_root=output_root), flags.reports)
    print(*sentences, f"tuned values: {path} (as tables: {path.with_suffix('.md').name})", sep="\n", flush=True)
    return all("nothing chosen" not in sentence for sentence in sentences)


def _decide(jobs: Sequence["Job"], flags: Namespace) -> list["Work"]:
    from hrmlab.sweeping.jobs import decide
    from hrmlab.sweeping.work import Work

    reasons = {
        "completed": "",
        "running": "running elsewhere, left alone",
        "failed": "FAILED before and was not tried again (--retry-failed does)",
    }
    works = []
    for job in jobs:
        action, run = decide(job, retry_failed=flags.retry_failed)
        work = Work(job, action, run)
        if action in reasons:
            work.state, work.message = (
                ("completed" if action == "completed" else "failed" if action == "failed" else "skipped"),
                reasons[action],
            )
        works.append(work)
    return works


def _announce(works: Sequence["Work"], display: "Display") -> None:
    verbs = {
        "start": "to start",
        "resume": "interrupted, to resume",
        "retry": "failed before, to try again",
        "completed": "completed already",
        "running": "running elsewhere",
        "queued": "in the queue already",
        "failed": "failed before, left alone (--retry-failed tries again)",
    }
    counts = {action: sum(work.action == action for work in works) for action in verbs}
    display.line(f"{len(works)} jobs: " + ", ".join(f"{counts[action]} {verb}" for action, verb in verbs.items() if counts[action]))


def _report(study: str, output_root: Path, flags: Namespace) -> bool:
    from hrmlab.reporting.report import make_report

    try:
        report = make_report(study=study, output_root=output_root, reports_root=flags.reports)
        if flags.records:
            keep(report.study, flags.reports)
    except UserError as error:
        say(NAME, f"no report: {error}")
        return False
    if report.study.left_out:
        print(report.study.left_out)
    print(f"report: {report.path}", flush=True)
    return True


def _flags(arguments: Sequence[str]) -> Namespace:
    parser = SentenceParser(NAME, add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--jobs", default=None)
    parser.add_argument("--retry-failed", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--estimate", action="store_true")
    parser.add_argument("--detach", action="store_true")
    parser.add_argument("--no-report", action="store_true")
    parser.add_argument("--reports", default="reports")
    parser.add_argument("--records", action="store_true")
    parser.add_argument("--use-records", action="store_true")
    parser.add_argument("--config-dir")
    flags = parser.parse_intermixed_args(list(arguments))
    if flags.records and flags.no_report:
        raise UserError("--records writes the archive with the report, which --no-report leaves out; leave one of them out")
    if flags.jobs is not None:
        if not flags.jobs.isdigit() or int(flags.jobs) < 1:
            raise UserError(f"--jobs {flags.jobs} is not a number of jobs; give an integer of at least 1")
        flags.jobs = int(flags.jobs)
    return flags


if __name__ == "__main__":
    main()
