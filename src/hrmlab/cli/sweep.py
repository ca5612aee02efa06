"""hrm-sweep: a grid of runs, each in a fresh process; what is done is skipped, what was interrupted goes on; a report at the end."""

import shlex
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrmlab.cli.arguments import SentenceParser
from hrmlab.cli.command import run_command, say
from hrmlab.cli.help import sweep_help, wants_help
from hrmlab.cli.report import keep
from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    from hrmlab.sweeping.display import Display
    from hrmlab.sweeping.jobs import Job
    from hrmlab.sweeping.pool import Work
    from hrmlab.sweeping.resources import Machine, Need
    from hrmlab.sweeping.tuning import Tuning

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
    from hrmlab.sweeping.jobs import compose_jobs

    with composer([flags.config_dir] if flags.config_dir else []) as composing:
        plan = composing.plan(flags.overrides)
        if plan.search is None:
            return _sweep(compose_jobs(composing, flags.overrides), flags)
        from hrmlab.sweeping.tuning import Tuning

        tuning = Tuning(composing, flags.overrides, plan)
        return _sweep(tuning.jobs, flags, tuning)


def _sweep(jobs: Sequence["Job"], flags: Namespace, tuning: "Tuning | None" = None) -> int:
    from hrmlab.sweeping.display import Display
    from hrmlab.sweeping.lock import study_lock
    from hrmlab.sweeping.resources import share_out
    from hrmlab.sweeping.restoring import restore

    study, output_root = jobs[0].labels.study, Path(jobs[0].config.output_root)
    if flags.dry_run:
        return _dry_run(jobs, flags)
    with study_lock(output_root / study, say=lambda sentence: say(NAME, sentence)) as lock:
        restored = restore(jobs, reports_root=flags.reports) if flags.use_records else 0
        works = _decide(jobs, flags)
        shares = share_out(_trainers(works), limit=flags.jobs)  # what this machine cannot run is said before anything else
        display = Display(works)
        _announce(works, display)
        if restored:
            display.line(f"{restored} of them put back from the archive of records; these have no checkpoints")
        try:
            _run(works, shares, display, lock)
            while tuning is not None and (jobs := tuning.next()):
                if flags.use_records:
                    restore(jobs, reports_root=flags.reports)
                works += (more := _decide(jobs, flags))
                _run(more, share_out(_trainers(more), limit=flags.jobs), display, lock)
        except KeyboardInterrupt as interrupt:
            display.summary()
            raise type(interrupt)("stopped; the same command goes on where it stopped") from None
        display.summary()
        if tuning is not None:
            return 0 if _write_tuned(tuning, output_root, flags) else 1
        reported = flags.no_report or _report(study, output_root, flags)
    done = all(work.state == "completed" or work.action in ("completed", "running") for work in works)
    return 0 if reported and done else 1


def _run(works: Sequence["Work"], shares: "tuple[Machine, list[Need]]", display: "Display", lock: int) -> None:
    """Run those that wait, each with its share of the machine."""
    from hrmlab.sweeping.pool import run_all

    machine, needs = shares
    for work, need in zip([work for work in works if work.state == "waiting"], needs, strict=True):
        work.need = need
    with display.watching():
        run_all(works, machine, lock=lock, changed=display.changed, tick=display.tick)


def _dry_run(jobs: Sequence["Job"], flags: Namespace) -> int:
    from hrmlab.sweeping.resources import share_out
    from hrmlab.sweeping.restoring import archived

    works = _decide(jobs, flags)
    held = archived(jobs, reports_root=flags.reports)[1] if flags.use_records else {}
    try:
        share_out(_trainers(works), limit=flags.jobs)
        obstacle = ""
    except UserError as error:
        obstacle = str(error)
    for work in works:
        print(f"{'restore' if work.job.name in held else work.action:<10}{work.job.name}  hrm-train {shlex.join(work.job.overrides)}")
    if obstacle:
        say(NAME, f"nothing could be started on this machine: {obstacle}")
    return 0


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


def _trainers(works: Sequence["Work"]) -> list[dict[str, Any]]:
    return [asdict(work.job.config.trainer) for work in works if work.state == "waiting"]


def _decide(jobs: Sequence["Job"], flags: Namespace) -> list["Work"]:
    from hrmlab.sweeping.jobs import decide
    from hrmlab.sweeping.pool import Work

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
    parser.add_argument("--dry-run", action="store_true")
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
