"""hrm-report: writes a study's report from its run directories."""

from collections.abc import Sequence

from hrmlab.cli.arguments import key_values
from hrmlab.cli.command import run_command
from hrmlab.core.errors import UserError

NAME = "hrm-report"
_DEFAULTS = {"output_root": "outputs", "reports_root": "reports", "wandb": "false", "project": "hrmlab"}
_KEYS = ("study", "output_root", "reports_root", "baseline", "axis", "wandb", "project")
_HELP = """\
Writes REPORTS_ROOT/STUDY/report.md (and report.html, figures, table.tex, results.*, runs.json) from run directories alone.

Usage: hrm-report study=NAME [KEY=VALUE ...]

  study=NAME             the study, a folder under output_root
  output_root=DIR        where run directories are (default outputs)
  reports_root=DIR       where reports go (default reports)
  baseline=ARM           the arm that all others are compared to (default: the one whose configuration says role: baseline)
  axis=AXIS              what the headline holds equal: steps, examples, flops or time (default steps); the report gives all four
  wandb=true|false       copy the tables into W&B as well, offline unless WANDB_MODE says otherwise (default false)
  project=NAME           the W&B project (default hrmlab)

Example:
  hrm-report study=quick
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
    project = options.pop("project")
    if "study" not in options:
        from hrmlab.runs.finding import studies

        found = studies(options["output_root"])
        known = (
            f"studies under {options['output_root']}: {', '.join(found)}" if found else f"there is none under {options['output_root']} yet"
        )
        raise UserError(f"study=NAME is missing; {known}")
    from hrmlab.reporting.report import make_report

    report = make_report(**options)
    print(*report.first_words, sep="\n")
    print(f"report: {report.path}")
    if mirror == "true":
        from hrmlab.reporting.wandb_mirror import mirror_report

        local = mirror_report(report, folder=options["output_root"], project=project)
        print(f"W&B: {local or 'disabled, nothing kept'}")
    return 0


def parse(arguments: Sequence[str]) -> dict[str, str]:
    """``key=value`` arguments over the defaults.

    Raises:
        UserError: not key=value, an unknown or repeated key, an empty value, or a value that the key does not take.
    """
    given, _ = key_values(arguments, keys=_KEYS)
    options = {**_DEFAULTS, **given}
    if options["wandb"].lower() not in ("true", "false"):
        raise UserError(f"wandb={options['wandb']} is not true or false")
    options["wandb"] = options["wandb"].lower()
    return options


if __name__ == "__main__":
    main()
