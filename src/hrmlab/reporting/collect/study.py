"""The runs of a study, sorted into what counts and what does not, and why."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.records import RunRecord, last_step, read_record, run_name
from hrmlab.runs.directory import RunDirectory, scan_runs, studies


@dataclass(frozen=True)
class ListedRun:
    """A run that does not count: its name, its state, the reason in words, and whether another launch of the same labels counts."""

    name: str
    state: str
    reason: str
    replaced: bool = False


@dataclass(frozen=True)
class TaskRuns:
    """The completed runs of one task at one size.

    Attributes:
        label: the task, with its size where the study has several.
        arms: arm -> seed -> run, in the study's order of arms.
    """

    label: str
    task: str
    size: str
    arms: dict[str, dict[int, RunRecord]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that any arm has."""
        return tuple(sorted({seed for runs in self.arms.values() for seed in runs}))

    def runs(self, arm: str) -> list[RunRecord]:
        """The runs of an arm by seed; empty when the arm has none here."""
        return [run for _, run in sorted(self.arms.get(arm, {}).items())]

    @property
    def score(self) -> str:
        """The test metric that counts here; exact accuracy, which all have, where the runs do not agree. Runs that leak have no say."""
        named = {run.score for run in self if not run.leaks} or {run.score for run in self}
        return named.pop() if len(named) == 1 else "exact_accuracy"

    @property
    def is_code(self) -> bool:
        """Whether programs are predicted."""
        return any(run.is_code for run in self)

    def leaks(self, arm: str) -> tuple[str, ...]:
        """How an arm sees the future, in the audit's sentences; one seed that does is enough."""
        return tuple(dict.fromkeys(sentence for run in self.runs(arm) for sentence in run.leaks))

    def name(self, arm: str) -> str:
        """The arm as inline Markdown, marked where it leaks."""
        return f"`{arm}` **LEAKS**" if self.leaks(arm) else f"`{arm}`"

    def plain_name(self, arm: str) -> str:
        """The arm in plain text, marked where it leaks."""
        return f"{arm} LEAKS" if self.leaks(arm) else arm

    def __iter__(self) -> Iterator[RunRecord]:
        return (run for runs in self.arms.values() for _, run in sorted(runs.items()))


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a report is about.

    Attributes:
        arms: all arms with a completed run, HRM-family arms first, then the baseline, then the others.
        subjects: the arms whose merit is in question (the HRM family; all but the baseline where there is none).
        listed: runs that do not count.
        gaps: sentences about arms and seeds that are missing somewhere.
    """

    name: str
    output_root: Path
    baseline: str
    arms: tuple[str, ...]
    subjects: tuple[str, ...]
    tasks: tuple[TaskRuns, ...]
    listed: tuple[ListedRun, ...] = field(default=())
    gaps: tuple[str, ...] = field(default=())

    @property
    def runs(self) -> list[RunRecord]:
        """All runs that count."""
        return [run for task in self.tasks for run in task]


def collect(*, study: str, output_root: str | Path, baseline: str) -> Study:
    """Read a study's run directories; of several completed launches with the same labels the one completed last counts.

    Raises:
        UserError: the study has no run directories, or the baseline is no arm of it.
    """
    runs, unreadable = scan_runs(output_root, study)
    if not runs and not unreadable:
        raise UserError(_no_such_study(study, output_root))
    listed = [ListedRun(run_name(item.path, output_root), "unreadable", _without_root(item.reason, output_root)) for item in unreadable]
    completed: dict[tuple[str, str, str, int], list[RunRecord]] = {}
    for run in runs:
        try:
            if run.state == "completed":
                labels = run.labels
                record = read_record(run, output_root=output_root)
                completed.setdefault((labels.task, labels.size, labels.arm, labels.seed), []).append(record)
            else:
                listed.append(_not_completed(run, output_root))
        except (UserError, OSError) as error:
            listed.append(ListedRun(run_name(run.path, output_root), "unreadable", _without_root(str(error), output_root)))
    counted: list[RunRecord] = []
    for launches in completed.values():
        *older, latest = sorted(launches, key=lambda record: (record.completed, record.name))
        counted.append(latest)
        listed.extend(_outdated(record, latest) for record in older)
    found = {run.labels.arm for run in runs}
    places = {record.name.rpartition("/")[0] for record in counted}
    listed = [replace(item, replaced=item.name.rpartition("/")[0] in places) for item in listed]
    if baseline not in found and baseline != "transformer":
        raise UserError(f"baseline={baseline} is no arm of study {study}; its arms are {', '.join(sorted(found)) or 'none'}")
    arms, subjects = _order_arms(counted, baseline)
    tasks = _group(counted, arms)
    return Study(
        name=study,
        output_root=Path(output_root),
        baseline=baseline,
        arms=arms,
        subjects=subjects,
        tasks=tasks,
        listed=tuple(sorted(listed, key=lambda item: (item.state, item.name))),
        gaps=tuple(_gaps(tasks, arms, baseline)),
    )


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as dotted key -> value."""
    result: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            result.update(flat(value, f"{prefix}{key}."))
        else:
            result[f"{prefix}{key}"] = value
    return result


def _no_such_study(study: str, output_root: str | Path) -> str:
    known = studies(output_root)
    if not known:
        return f"study={study} has no run directories: there is no study at all under output_root={output_root}; run a sweep first"
    close = difflib.get_close_matches(study, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"study={study} has no run directories under output_root={output_root}; {hint}studies found: {', '.join(known)}"


def _without_root(reason: str, output_root: str | Path) -> str:
    return reason.replace(f"{Path(output_root)}/", "")


def _not_completed(run: RunDirectory, output_root: str | Path) -> ListedRun:
    name, state = run_name(run.path, output_root), run.state
    if state == "failed":
        failure = run.failure
        at = f" at step {failure['step']}" if failure.get("step") is not None else ""
        reason = f"{failure.get('error') or 'no reason recorded'}{at}"
        if failure.get("hint"):
            reason += f" ({failure['hint']})"
        return ListedRun(name, state, _without_root(" ".join(reason.split()), output_root))
    step = last_step(run.metrics_file)
    reached = "before its first recorded step" if step is None else f"after step {step}"
    if state == "running":
        return ListedRun(name, state, "not finished yet" if step is None else f"now at step {step}")
    return ListedRun(name, state, f"stopped {reached}; the sweep takes it up again when started once more")


def _outdated(record: RunRecord, latest: RunRecord) -> ListedRun:
    if record.hash == latest.hash:
        return ListedRun(record.name, "duplicate", f"same configuration as {latest.name}, which was completed later and counts")
    ours, theirs = flat(record.config), flat(latest.config)
    keys = [key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key) and key not in ("output_root", "resume")]
    changes = [f"{key}={ours.get(key)} there {theirs.get(key)}" for key in keys[:3]]
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ListedRun(record.name, "superseded", f"other configuration than {latest.name}, which counts: {', '.join(changes)}{more}")


def _order_arms(runs: list[RunRecord], baseline: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    family = {run.labels.arm for run in runs if run.labels.arm.startswith("hrm") or str(run.configured("model.name")).startswith("hrm")}
    arms = {run.labels.arm for run in runs}
    subjects = (family or arms) - {baseline} or arms - {baseline}
    ordered = sorted(arms, key=lambda arm: (arm not in subjects, arm != "hrm", arm != baseline, arm))
    return tuple(ordered), tuple(arm for arm in ordered if arm in subjects)


def _group(runs: list[RunRecord], arms: tuple[str, ...]) -> tuple[TaskRuns, ...]:
    pairs = sorted({(run.labels.task, run.labels.size) for run in runs})
    several_sizes = len({size for _, size in pairs}) > 1
    groups = []
    for task, size in pairs:
        by_arm: dict[str, dict[int, RunRecord]] = {arm: {} for arm in arms}
        for run in runs:
            if (run.labels.task, run.labels.size) == (task, size):
                by_arm[run.labels.arm][run.labels.seed] = run
        label = f"{task} ({size})" if several_sizes else task
        groups.append(TaskRuns(label, task, size, {arm: by_seed for arm, by_seed in by_arm.items() if by_seed}))
    return tuple(groups)


def _gaps(tasks: tuple[TaskRuns, ...], arms: tuple[str, ...], baseline: str) -> Iterator[str]:
    if arms and baseline not in arms:
        yield f"The baseline `{baseline}` has no completed run in this study, so nothing is compared to it."
    for task in tasks:
        for arm in arms:
            if arm not in task.arms:
                yield f"On {task.label} `{arm}` has no completed run."
                continue
            missing = [str(seed) for seed in task.seeds if seed not in task.arms[arm]]
            if missing:
                noun = "seed" if len(missing) == 1 else "seeds"
                yield f"On {task.label} `{arm}` lacks {noun} {', '.join(missing)}; differences use the seeds that both arms have."
