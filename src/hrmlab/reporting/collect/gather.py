"""Reads a study's run directories and sorts them into what counts and what does not, and why."""

import difflib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.reporting.collect.left_out import ListedRun, State
from hrmlab.reporting.collect.records import RunRecord, display_name, number, read_record, run_name
from hrmlab.reporting.collect.roles import Roles, find_roles
from hrmlab.reporting.collect.series import last_step
from hrmlab.reporting.collect.study import Study, TaskRuns, flat
from hrmlab.reporting.collect.trust import NotVerified
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.finding import UnreadableRun, scan_runs, studies

_NO_DIFFERENCE = ("output_root", "resume", "question", "asks", "margin")


def collect(*, study: str, output_root: str | Path, baseline: str | None = None) -> Study:
    """Read a study's run directories; of several completed launches with the same labels the one completed last counts.

    Args:
        baseline: the arm to compare with; None takes the one that declares to be the baseline, the first by name of several.

    Raises:
        UserError: the study has no run directories, or the baseline is no arm of it.
    """
    runs, unreadable = scan_runs(output_root, study)
    if not runs:
        raise UserError(_nothing_found(study, output_root, unreadable))
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
        except NotVerified as error:
            listed.append(_listed(run, "not verified", str(error), output_root))
        except (UserError, OSError, ValueError) as error:
            listed.append(_listed(run, "unreadable", str(error), output_root))
    counted: list[RunRecord] = []
    for launches in completed.values():
        *older, latest = sorted(launches, key=lambda record: (record.completed, record.name))
        counted.append(latest)
        listed.extend(_outdated(record, latest) for record in older)
    places = {record.name.rpartition("/")[0] for record in counted}
    listed = [replace(item, replaced=item.name.rpartition("/")[0] in places) for item in listed]
    roles = find_roles(study=study, configs=list(_configs(runs)), arms=[display_name(run.labels.arm) for run in runs], baseline=baseline)
    arms, subjects = _order_arms(counted, roles)
    tasks = _group(counted, arms)
    return Study(
        name=study,
        output_root=Path(output_root),
        roles=roles,
        arms=arms,
        subjects=subjects,
        tasks=tasks,
        listed=tuple(sorted(listed, key=lambda item: (item.state, item.name))),
        gaps=(*_gaps(tasks, arms, roles.baseline), *_unanswered(roles, arms)),
        question=_question(counted),
    )


def _question(runs: list[RunRecord]) -> str:
    """What the study asks, as the run completed last has it; empty where no run says."""
    asked = [(run.completed, str(question)) for run in runs if (question := run.config.get("question"))]
    return max(asked)[1] if asked else ""


def _configs(runs: list[RunDirectory]) -> Iterator[tuple[str, dict[str, Any]]]:
    for run in runs:
        try:
            yield display_name(run.labels.arm), run.config
        except UserError:  # listed with its reason where it would have counted
            continue


def _nothing_found(study: str, output_root: str | Path, unreadable: list[UnreadableRun]) -> str:
    if unreadable:
        first = _without_root(unreadable[0].reason, output_root)
        return f"study={study}: {Path(output_root) / study} holds no run directory that can be read ({first}); check output_root"
    known = studies(output_root)
    if not known:
        return f"study={study} has no run directories: there is no study at all under output_root={output_root}; run a sweep first"
    close = difflib.get_close_matches(study, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"study={study} has no run directories under output_root={output_root}; {hint}studies found: {', '.join(known)}"


def _without_root(reason: str, output_root: str | Path) -> str:
    return " ".join(reason.replace(f"{Path(output_root)}/", "").split())


def _listed(run: RunDirectory, state: State, reason: str, output_root: str | Path) -> ListedRun:
    name, arm = run_name(run.path, output_root), display_name(run.labels.arm)
    return ListedRun(name, state, _without_root(reason, output_root), arm=arm)


def _not_completed(run: RunDirectory, output_root: str | Path) -> ListedRun:
    state = run.state
    if run.doubt:
        return _listed(run, "not verified", run.doubt, output_root)
    if state == "failed":
        failure = run.failure
        at = f" at step {failure['step']}" if failure.get("step") is not None else ""
        reason = f"{failure.get('error') or 'no reason recorded'}{at}"
        if failure.get("hint"):
            reason += f" ({failure['hint']})"
        return _listed(run, state, reason, output_root)
    step = last_step(run.metrics_file)
    if state == "running":
        return _listed(run, state, "not finished yet" if step is None else f"now at step {step}", output_root)
    reached = "before its first recorded step" if step is None else f"after step {step}"
    return _listed(run, "interrupted", f"stopped {reached}; the sweep takes it up again when started once more", output_root)


def _outdated(record: RunRecord, latest: RunRecord) -> ListedRun:
    if record.hash == latest.hash:
        reason = f"same configuration as {latest.name}, which was completed later and counts"
        return ListedRun(record.name, "duplicate", reason, arm=record.arm, configuration=record.hash)
    ours, theirs = flat(record.config), flat(latest.config)
    keys = [key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key) and key not in _NO_DIFFERENCE]
    changes = [f"{key}={ours.get(key)} there {theirs.get(key)}" for key in keys[:3]]
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    reason = f"other configuration than {latest.name}, which counts: {', '.join(changes)}{more}"
    return ListedRun(record.name, "superseded", reason, arm=record.arm, configuration=record.hash)


def _order_arms(runs: list[RunRecord], roles: Roles) -> tuple[tuple[str, ...], tuple[str, ...]]:
    arms = sorted({run.arm for run in runs})
    subjects = roles.subjects(arms)
    ordered = sorted(arms, key=lambda arm: (arm not in subjects, arm != roles.baseline, arm))
    return tuple(ordered), tuple(arm for arm in ordered if arm in subjects)


def _group(runs: list[RunRecord], arms: tuple[str, ...]) -> tuple[TaskRuns, ...]:
    parameters = {run.labels.size: number(run.configured("size.parameters")) or 0.0 for run in runs}
    pairs = sorted({(run.labels.task, run.labels.size) for run in runs}, key=lambda pair: (pair[0], parameters[pair[1]], pair[1]))
    several_sizes = len({size for _, size in pairs}) > 1
    groups = []
    for task, size in pairs:
        by_arm: dict[str, dict[int, RunRecord]] = {arm: {} for arm in arms}
        for run in runs:
            if (run.labels.task, run.labels.size) == (task, size):
                by_arm[run.arm][run.labels.seed] = run
        label = f"{task} ({size})" if several_sizes else task
        groups.append(TaskRuns(label, task, size, {arm: by_seed for arm, by_seed in by_arm.items() if by_seed}))
    return tuple(groups)


def _unanswered(roles: Roles, arms: tuple[str, ...]) -> Iterator[str]:
    for asked in roles.unknown_asks(arms):
        yield f"The study asks about `{asked}` (`asks`), which names no arm, and no pair of arms, with a completed run."
    if roles.is_torn:
        yield f"Its runs declare different `asks` or `margin`; those of the first are taken (margin {roles.margin:g})."


def _gaps(tasks: tuple[TaskRuns, ...], arms: tuple[str, ...], baseline: str | None) -> Iterator[str]:
    if arms and baseline is None:
        yield (
            "No arm of this study is declared its baseline, so nothing is compared to one; "
            "`role: baseline` in an arm's file declares it, `baseline=ARM` chooses it for one report."
        )
    elif arms and baseline not in arms:
        yield f"The baseline `{baseline}` has no completed run in this study, so nothing is compared to it."
    for task in tasks:
        for arm in arms:
            if arm not in task.arms:
                yield f"On {task.label} `{arm}` has no completed run."
                continue
            missing = [str(seed) for seed in task.seeds if seed not in task.arms[arm]]
            if missing:
                noun = "seed" if len(missing) == 1 else "seeds"
                yield f"On {task.label} `{arm}` lacks {noun} {', '.join(missing)}; comparisons take the seeds that each arm has."
