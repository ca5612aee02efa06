"""Where the numbers come from, and the commands that bring them back."""

import shlex
from collections import Counter
from dataclasses import dataclass

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.layout import Table
from hrmlab.runs.archive import NAME


@dataclass(frozen=True)
class Origin:
    """Facts (name, text), sentences of caution, the command that writes this report, and one training command per counted run."""

    facts: Table
    cautions: tuple[str, ...]
    report_command: str
    run_commands: tuple[str, ...]


def origin(study: Study, *, output_root: str, reports_root: str, written: str, source: str = "") -> Origin:
    """Provenance over all runs that count.

    Args:
        source: where the run directories were fetched from; empty where they are under the output root.
    """
    runs = study.runs
    commits = Counter(str(run.provenance.get("git_commit") or "not recorded") for run in runs)
    dirty = sum(bool(run.provenance.get("git_dirty")) for run in runs)
    facts = [
        ("Report written", written),
        ("Runs completed", _range([run.completed[:19].replace("T", " ") for run in runs if run.completed])),
        ("Records", _places(runs, source)),
        ("Code", ", ".join(f"commit `{commit[:10]}` ({text.plural(number, 'run')})" for commit, number in commits.items())),
        ("Hardware", _counted([_hardware(run) for run in runs])),
        (
            "System",
            _counted(
                [f"{run.provenance.get('platform') or 'not recorded'}, Python {run.provenance.get('python') or 'n/a'}" for run in runs]
            ),
        ),
        ("Packages", _packages(runs)),
    ]
    cautions = []
    if dirty:
        cautions.append(
            f"{text.plural(dirty, 'run')} came from a working tree with uncommitted changes: the commit is not all of their code."
        )
    if len(commits) > 1:
        cautions.append("The runs come from more than one commit.")
    command = ["hrm-report", f"study={study.name}", *study.selection.words]
    where = ("source", source, "") if source else ("output_root", output_root, "outputs")
    command += [f"{key}={value}" for key, value, usual in _options(study, where, reports_root) if value != usual]
    return Origin(
        facts=Table(("Fact", "Value"), tuple((name, value) for name, value in facts if value), labels=2),
        cautions=tuple(cautions),
        report_command=shlex.join(command),
        run_commands=tuple(run_command(run) for run in runs),
    )


def run_command(run: RunRecord) -> str:
    """The command that launches a run of the same configuration."""
    return shlex.join(["hrm-train", *run.overrides])


def _options(study: Study, where: tuple[str, str, str], reports_root: str) -> list[tuple[str, str, str]]:
    options = [where, ("reports_root", reports_root, "reports")]
    return [*options, ("baseline", str(study.baseline), "")] if study.roles.given else options


def _places(runs: list[RunRecord], source: str) -> str:
    """Where the runs were read from."""
    places = Counter(
        f"`{source}`" if source else f"`{NAME}` (digest `{run.restored[:10]}`)" if run.restored else "run directories" for run in runs
    )
    return "; ".join(f"{text.plural(number, 'run')} from {place}" for place, number in sorted(places.items(), reverse=True))


def _range(values: list[str]) -> str:
    return "" if not values else f"{min(values)} UTC" if len(set(values)) == 1 else f"{min(values)} to {max(values)} UTC"


def _counted(values: list[str]) -> str:
    counts = Counter(values)
    return "; ".join(value if len(counts) == 1 else f"{value} ({text.plural(number, 'run')})" for value, number in counts.items())


def _hardware(run: RunRecord) -> str:
    gpus = run.provenance.get("gpus") or []
    cores = run.provenance.get("cpu_cores")
    processor = f"{run.provenance.get('cpu') or 'CPU not recorded'}" + (f", {cores} cores" if cores else "")
    return f"{processor}; {'GPU ' + ', '.join(map(str, gpus)) if gpus else 'no GPU'}"


def _packages(runs: list[RunRecord]) -> str:
    versions: dict[str, set[str]] = {}
    for run in runs:
        for name, version in (run.provenance.get("packages") or {}).items():
            versions.setdefault(name, set()).add(str(version or "unknown"))
    return ", ".join(f"{name} {' / '.join(sorted(found))}" for name, found in versions.items())
