"""Launches as they are read, from run directories and archives, and sorted into those that count and those that do not."""

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.core.later_keys import without_neutral
from hrmlab.core.report_keys import REPORT_KEYS
from hrmlab.reporting.collect.kept import noted
from hrmlab.reporting.collect.left_out import ListedRun, State
from hrmlab.reporting.collect.records import RunRecord, display_name, read_record, run_name
from hrmlab.reporting.collect.series import last_step
from hrmlab.reporting.collect.sharing import Shared
from hrmlab.reporting.collect.study import flat
from hrmlab.reporting.collect.trust import NotVerified
from hrmlab.runs.archive import Archive
from hrmlab.runs.directory import RunDirectory, RunLabels
from hrmlab.runs.finding import UnreadableRun, scan_runs

_NO_DIFFERENCE = ("output_root", "resume", "tuning", *REPORT_KEYS)


class Launches:
    """All launches that a report reads; runs from archives lie in a temporary folder, which is removed with this object.

    Args:
        output_root: where run directories are.
        shown: (study, arm) -> the arm as the report shows it.

    Attributes:
        arms: of every launch, as shown.
        configs: (arm, configuration) of every launch whose configuration can be read.
    """

    def __init__(self, output_root: str | Path, shown: Mapping[tuple[str, str], str]) -> None:
        self.arms: list[str] = []
        self.configs: list[tuple[str, dict[str, Any]]] = []
        self._output_root, self._shown = Path(output_root), shown
        self._completed: dict[RunLabels, list[RunRecord]] = {}
        self._listed: list[ListedRun] = []
        self._folder: Path | None = None
        self._shared = Shared()

    def add(self, run: RunDirectory, root: str | Path | None = None) -> None:
        """Read a run directory below the output root, or another root."""
        root = root or self._output_root
        arm = self._shown.get((run.labels.study, run.labels.arm), display_name(run.labels.arm))
        self.arms.append(arm)
        with contextlib.suppress(UserError):  # listed with its reason below, where it would have counted
            self.configs.append((arm, self._shared(without_neutral(run.config))))
        try:
            if run.state == "completed":
                record = read_record(run, output_root=root, shown=arm, shared=self._shared)
                self._completed.setdefault(run.labels, []).append(record)
            else:
                self._listed.append(_not_completed(run, root, arm))
        except NotVerified as error:
            self._listed.append(_listed(run, "not verified", str(error), root, arm))
        except (UserError, OSError, ValueError) as error:
            self._listed.append(_listed(run, "unreadable", str(error), root, arm))
        run.forget()

    def add_unreadable(self, item: UnreadableRun) -> None:
        """List a folder that is no run directory."""
        self._listed.append(ListedRun(run_name(item.path, self._output_root), "unreadable", without_root(item.reason, self._output_root)))

    def add_archived(self, archive: Archive, names: Collection[str], *, here: Collection[str], list_others: bool) -> None:
        """Read runs of an archive, and where wanted list those that it lists.

        Args:
            names: of the runs, below the study.
            here: the folders below the study that are under the output root.
        """
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="hrmlab-records-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        archive.restore(names, output_root=self._folder)
        for run in scan_runs(self._folder, archive.study)[0]:
            self.add(run, self._folder)
        if not list_others:
            return
        known = {f"{archive.study}/{name}" for name in (*here, *archive.runs)} | {item.name for item in self._listed}
        self._listed += [item for item in noted(archive) if item.name not in known]

    def sorted(self) -> tuple[list[RunRecord], tuple[ListedRun, ...]]:
        """The runs that count, of several completed launches the one completed last, and all others in a stable order."""
        self._shared = Shared()
        counted: list[RunRecord] = []
        listed = list(self._listed)
        for launches in self._completed.values():
            *older, latest = sorted(launches, key=lambda record: (record.completion, record.name))
            counted.append(latest)
            listed.extend(_outdated(record, latest) for record in older)
        places = {record.name.rpartition("/")[0] for record in counted}
        listed = [replace(item, replaced=item.name.rpartition("/")[0] in places) for item in listed]
        return counted, tuple(sorted(listed, key=lambda item: (item.state, item.name)))


def without_root(reason: str, output_root: str | Path) -> str:
    """A sentence without the part of its paths that differs between machines."""
    return " ".join(reason.replace(f"{Path(output_root)}/", "").split())


def _listed(run: RunDirectory, state: State, reason: str, output_root: str | Path, arm: str) -> ListedRun:
    return ListedRun(run_name(run.path, output_root), state, without_root(reason, output_root), arm=arm)


def _not_completed(run: RunDirectory, output_root: str | Path, arm: str) -> ListedRun:
    state = run.state
    if run.doubt:
        return _listed(run, "not verified", run.doubt, output_root, arm)
    if state == "failed":
        failure = run.failure
        at = f" at step {failure['step']}" if failure.get("step") is not None else ""
        reason = f"{failure.get('error') or 'no reason recorded'}{at}"
        if failure.get("hint"):
            reason += f" ({failure['hint']})"
        return _listed(run, state, reason, output_root, arm)
    step = last_step(run.metrics_file)
    if state == "running":
        return _listed(run, state, "not finished yet" if step is None else f"now at step {step}", output_root, arm)
    reached = "before its first recorded step" if step is None else f"after step {step}"
    return _listed(run, "interrupted", f"stopped {reached}; the sweep takes it up again when started once more", output_root, arm)


def _outdated(record: RunRecord, latest: RunRecord) -> ListedRun:
    if record.hash == latest.hash:
        reason = f"same configuration as {latest.name}, which was completed later and counts"
        return ListedRun(record.name, "duplicate", reason, arm=record.arm, configuration=record.hash)
    ours, theirs = flat(record.config), flat(latest.config)
    keys = [key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key) and key.partition(".")[0] not in _NO_DIFFERENCE]
    changes = [f"{key}={ours.get(key)} there {theirs.get(key)}" for key in keys[:3]]
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    reason = f"other configuration than {latest.name}, which counts: {', '.join(changes)}{more}"
    return ListedRun(record.name, "superseded", reason, arm=record.arm, configuration=record.hash)
