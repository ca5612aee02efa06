"""Reads a study's run directories and sorts them into what counts and what does not, and why."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from hrmlab.core.errors import UserError
from hrmlab.core.progress import progress_bar
from hrmlab.reporting.collect.launches import Launches, without_root
from hrmlab.reporting.collect.records import RunRecord, number, run_name
from hrmlab.reporting.collect.roles import Roles, find_roles
from hrmlab.reporting.collect.selection import EVERYTHING, Selection, shown_arms, studies_of
from hrmlab.reporting.collect.statements import limits_of, question_of
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.runs.archive import Archive
from hrmlab.runs.directory import RunLabels
from hrmlab.runs.finding import UnreadableRun, scan_runs, studies


def collect(
    *,
    study: str,
    output_root: str | Path,
    baseline: str | None = None,
    archives: Sequence[Archive] = (),
    selection: Selection = EVERYTHING,
) -> Study:
    """Read the run directories of a study, or of several (``a,b``); of several completed launches with the same labels the last one counts.

    Args:
        baseline: the arm to compare with; None takes the one that declares to be the baseline, the first by name of several.
        archives: of these studies, whose runs are read where the output root has no completed run in their place.
        selection: the part that is wanted.

    Raises:
        UserError: a study has no run directories, the baseline is no arm, a selected name is in no run, or an archive is damaged.
    """
    names = studies_of(study)
    held = {archive.study: archive for archive in archives}
    if foreign := next((archive for archive in archives if archive.study not in names), None):
        raise UserError(f"{foreign.path} holds study {foreign.study}, not {study}")
    scanned = {name: scan_runs(output_root, name) for name in names}
    for name, (runs, unreadable) in scanned.items():
        if not runs and name not in held:
            raise UserError(_nothing_found(name, output_root, unreadable))
    labels = [run.labels for runs, _ in scanned.values() for run in runs]
    labels += [_labels(archive.study, name) for archive in archives for name in archive.runs]
    selection.check(labels)
    launches = Launches(output_root, shown_arms(item for item in labels if selection.keeps(item)))
    with progress_bar("reading runs", sum(len(runs) for runs, _ in scanned.values()), shown=True) as advance:
        for run in (run for runs, _ in scanned.values() for run in runs):
            if selection.keeps(run.labels):
                launches.add(run)
            advance(1)
    for name, (runs, unreadable) in scanned.items():
        for item in unreadable if selection == EVERYTHING else ():
            launches.add_unreadable(item)
        if (archive := held.get(name)) is not None:
            here = {run_name(run.path, Path(output_root) / name): run for run in runs}
            wanted = [item for item in archive.runs if item not in here or here[item].state != "completed"]
            wanted = [item for item in wanted if selection.keeps(_labels(name, item))]
            launches.add_archived(archive, wanted, here=here, list_others=selection == EVERYTHING)
    counted, listed = launches.sorted()
    roles = find_roles(study=study, configs=launches.configs, arms=launches.arms, baseline=baseline)
    arms, subjects = _order_arms(counted, roles)
    tasks = _group(counted, arms)
    return Study(
        name=",".join(names),
        output_root=Path(output_root),
        roles=roles,
        arms=arms,
        subjects=subjects,
        tasks=tasks,
        listed=listed,
        gaps=(*_gaps(tasks, arms, roles.baseline), *_unanswered(roles, arms)),
        names=tuple(names),
        selection=selection,
        launches=launches,
        question=question_of(counted),
        limits=limits_of(counted, names),
    )


def _labels(study: str, name: str) -> RunLabels:
    """Of a run in an archive, from its folder."""
    task, arm, size, seed, _ = name.split("/")
    return RunLabels(study=study, task=task, arm=arm, size=size, seed=int(seed.removeprefix("seed=")))


def _nothing_found(study: str, output_root: str | Path, unreadable: list[UnreadableRun]) -> str:
    if unreadable:
        first = without_root(unreadable[0].reason, output_root)
        return f"study={study}: {Path(output_root) / study} holds no run directory that can be read ({first}); check output_root"
    known = studies(output_root)
    if not known:
        return f"study={study} has no run directories: there is no study at all under output_root={output_root}; run a sweep first"
    close = difflib.get_close_matches(study, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"study={study} has no run directories under output_root={output_root}; {hint}studies found: {', '.join(known)}"


def _order_arms(runs: list[RunRecord], roles: Roles) -> tuple[tuple[str, ...], tuple[str, ...]]:
    arms = sorted({run.arm for run in runs})
    subjects = roles.subjects(arms)
    ordered = sorted(arms, key=lambda arm: (arm not in subjects, arm != roles.baseline, arm))
    return tuple(ordered), tuple(arm for arm in ordered if arm in subjects)


def _group(runs: list[RunRecord], arms: tuple[str, ...]) -> tuple[TaskRuns, ...]:
    parameters = {run.labels.size: number(run.configured("size.parameters")) or 0.0 for run in runs}
    pairs = sorted({(run.labels.task, run.labels.size) for run in runs}, key=lambda pair: (pair[0], parameters[pair[1]], pair[1]))
    several_sizes = len({size for _, size in pairs}) > 1
    found: dict[tuple[str, str], dict[str, dict[int, RunRecord]]] = {pair: {arm: {} for arm in arms} for pair in pairs}
    for run in runs:
        found[run.labels.task, run.labels.size][run.arm][run.labels.seed] = run
    groups = []
    for (task, size), by_arm in found.items():
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
