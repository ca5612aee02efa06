"""hrm-report: writes a study's report from its run directories."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hrmlab.cli.arguments import key_values
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError

if TYPE_CHECKING:
    from hrmlab.reporting.collect.study import Study
    from hrmlab.reporting.report import Report

NAME = "hrm-report"
_DEFAULTS = {"output_root": "outputs", "reports_root": "reports", "records": "read", "wandb": "false", "project": "hrmlab"}
_KEYS = ("study", "output_root", "reports_root", "baseline", "axis", "arms", "tasks", "sizes", "source", "records", "wandb", "project")
_HELP = """\
Writes REPORTS_ROOT/STUDY/report.md (and report.html, figures, table.tex, results.*, runs.json) from run directories, and from the archive
of records REPORTS_ROOT/STUDY/records.tar.xz, where there is one, for runs that have no directory here.

Usage: hrm-report study=NAME [KEY=VALUE ...]

  study=NAME             the study, a folder under output_root; study=A,B compares several side by side, in REPORTS_ROOT/A+B
  output_root=DIR        where run directories are (default outputs)
  source=wandb:ENTITY/PROJECT   read the runs from Weights & Biases, where runs with logger=wandb leave their records, not from output_root
  reports_root=DIR       where reports go (default reports)
  baseline=ARM           the arm that all others are compared to (default: the one whose configuration says role: baseline)
  axis=AXIS              what the headline holds equal: steps, examples, flops or time (default steps); the report gives all four
  arms=, tasks=, sizes=  only these, by their names in the report (arms="hrm,hrm segments=1"); the report goes to a folder of its own
  records=true|false     true: write the archive of records too, a small file for a repository, from which the report can be written
                         again anywhere; runs of an older archive stay in it. false: leave an archive out of account (default: read it)
  wandb=true|false       copy the tables into W&B as well, offline unless WANDB_MODE says otherwise (default false)
  project=NAME           the W&B project (default hrmlab)

Examples:
  hrm-report study=quick
  hrm-report study=quick records=true
  hrm-report study=quick,mine arms=hrm,transformer tasks=sudoku_4x4_easy
"""


def main() -> None:
    """The console command."""
    run_command(NAME, command)


def command(arguments: Sequence[str]) -> int:
    """Write the report and name its path; the exit code."""
    if any(argument in ("-h", "--help") for argument in arguments):
        print(_HELP, end="")
        return 0
    options = parse(arguments)
    mirror = options.pop("wandb")
    project, records = options.pop("project"), options.pop("records")
    if "study" not in options:
        from hrmlab.runs.finding import studies

        found = studies(options["output_root"])
        known = (
            f"studies under {options['output_root']}: {', '.join(found)}" if found else f"there is none under {options['output_root']} yet"
        )
        raise UserError(f"study=NAME is missing; {known}")
    from hrmlab.reporting.collect.selection import EVERYTHING, Selection, studies_of
    from hrmlab.reporting.report import make_report

    selection = Selection.of(**{key: options.pop(key, None) for key in ("arms", "tasks", "sizes")})
    if records == "true" and (selection != EVERYTHING or len(studies_of(options["study"])) > 1):
        raise UserError("records=true keeps one whole study; leave out arms, tasks and sizes, and name one study")
    source = options.pop("source", "")
    with TemporaryDirectory(prefix="hrmlab-wandb-") as folder:
        if source:
            fetch(source, options["study"], Path(folder))
        places = {**options, "output_root": folder} if source else options
        report = make_report(**places, archived=records != "false" and not source, selection=selection, source=source)
        _finish(report, options, records=records == "true", mirror=mirror == "true", project=project)
    return 0


def _finish(report: "Report", options: Mapping[str, str], *, records: bool, mirror: bool, project: str) -> None:
    """Say what was written, and write what was asked for beside it."""
    print(*report.first_words, sep="\n")
    print(f"report: {report.path}")
    if records:
        keep(report.study, options["reports_root"])
    if mirror:
        from hrmlab.reporting.wandb_mirror import mirror_report

        local = mirror_report(report, folder=options["output_root"], project=project)
        print(f"W&B: {local or 'disabled, nothing kept'}")


def fetch(source: str, studies: str, folder: Path) -> None:
    """Fetch the run directories of the studies from W&B.

    Raises:
        UserError: no such project, or nothing of a study in it.
    """
    from hrmlab.reporting.collect.selection import studies_of
    from hrmlab.reporting.wandb_source import fetch_study, project_of, wandb_api

    project = project_of(source)
    api = wandb_api()
    for study in studies_of(studies):
        fetched, lacking = fetch_study(api, project=project, study=study, folder=folder)
        left = f"; {lacking} {'has' if lacking == 1 else 'have'} no records of a completed run" if lacking else ""
        print(f"{study}: {fetched} runs from W&B{left}", flush=True)


def keep(study: "Study", reports_root: str) -> None:
    """Write the archive of a study's records and say so.

    Raises:
        UserError: the old archive is damaged, or the folder cannot be written.
    """
    from hrmlab.reporting.collect.kept import keep_records
    from hrmlab.runs.archive import archive_of

    archive = keep_records(study, archive_of(reports_root, study.name))
    print(f"records: {archive.path} ({len(archive.runs)} runs, {archive.path.stat().st_size / 1e6:.2f} MB)", flush=True)


def parse(arguments: Sequence[str]) -> dict[str, str]:
    """``key=value`` arguments over the defaults.

    Raises:
        UserError: not key=value, an unknown or repeated key, an empty value, or a value that the key does not take.
    """
    given, _ = key_values(arguments, keys=_KEYS)
    options = {**_DEFAULTS, **given}
    for key in ("wandb", "records"):
        if key in given and given[key].lower() not in ("true", "false"):
            raise UserError(f"{key}={given[key]} is not true or false")
        options[key] = options[key].lower()
    return options


if __name__ == "__main__":
    main()
