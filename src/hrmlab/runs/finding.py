"""Finding run directories: those of a study, the launches of one configuration, the studies there are."""

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.runs import files
from hrmlab.runs.directory import DRAFT, RunDirectory, folder_of
from hrmlab.runs.identity import RunLabels


@dataclass(frozen=True)
class UnreadableRun:
    """A folder that stands where a run directory should be and is not one."""

    path: Path
    reason: str


def scan_runs(output_root: str | Path, study: str) -> tuple[list[RunDirectory], list[UnreadableRun]]:
    """All run directories of a study in a stable order, and the folders in their places that are none, with the reason."""
    runs: list[RunDirectory] = []
    unreadable: list[UnreadableRun] = []
    for path in sorted((Path(output_root) / study).glob("*/*/*/seed=*/*"), key=_launch_order):
        if path.name.startswith(".") or not path.is_dir():
            continue
        try:
            runs.append(RunDirectory.open(path))
        except (UserError, OSError) as error:
            unreadable.append(UnreadableRun(path, str(error)))
    return runs, unreadable


def tidy_study(output_root: str | Path, study: str) -> None:
    """Remove what killed processes left half written in a study's run directories and beside them."""
    for parent in (Path(output_root) / study).glob("*/*/*/seed=*"):
        files.remove_leftovers(parent, drafts=DRAFT)
    for run in find_runs(output_root, study):
        run.tidy()


def find_runs(output_root: str | Path, study: str) -> list[RunDirectory]:
    """All readable run directories of a study, sorted by labels and launch."""
    return scan_runs(output_root, study)[0]


def runs_of(output_root: str | Path, labels: RunLabels, hash: str) -> list[RunDirectory]:
    """The launches of one configuration, first launch first."""
    parent = folder_of(output_root, labels)
    pattern = re.compile(rf"{re.escape(hash)}(-\d+)?")
    found = sorted((path for path in parent.glob(f"{hash}*") if pattern.fullmatch(path.name)), key=_launch_order)
    runs = []
    for path in found:
        with contextlib.suppress(UserError):
            runs.append(RunDirectory.open(path))
    return runs


def studies(output_root: str | Path) -> list[str]:
    """The studies that have run directories under an output root."""
    return sorted({path.parents[4].name for path in Path(output_root).glob("*/*/*/*/seed=*/*") if not path.name.startswith(".")})


def _launch_order(path: Path) -> tuple[Path, int, str, int]:
    seed = path.parent.name.removeprefix("seed=")
    name, _, launch = path.name.partition("-")
    return path.parents[1], int(seed) if seed.isdigit() else -1, name, int(launch) if launch.isdigit() else 1
