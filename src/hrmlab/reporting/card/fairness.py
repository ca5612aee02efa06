"""The fairness card: what must be equal for the comparison to mean something, checked on the run directories."""

from collections.abc import Callable, Iterable
from typing import Any

from hrmlab.reporting import text
from hrmlab.reporting.card import arm_checks, audit_checks, choice_checks, training_checks
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns, flat
from hrmlab.reporting.compare.practice import has_practice
from hrmlab.reporting.compare.test_sets import has_sets

ALLOWED_GAP = 0.01
_MAY_DIFFER = {"trainer.progress_bar", "trainer.threads", "training.checkpoint_every_steps", "training.checkpoint_every_minutes"}
_MAY_DIFFER |= {f"evaluation.{name}" for name in ("name", "path", "hub_name", "batch_size", "workers")}


def fairness_card(study: Study) -> tuple[Check, ...]:
    """All checks over the runs that count."""
    if not study.runs:
        return ()
    return (
        arm_checks.roles(study),
        arm_checks.one_configuration(study),
        _budget(study),
        _same_data(study),
        training_checks.same_order(study),
        training_checks.exposures(study),
        audit_checks.overlap(study),
        _class_rule(study),
        *audit_checks.protocol(study),
        audit_checks.known_answers(study),
        audit_checks.causality(study),
        audit_checks.contamination(study),
        audit_checks.sandbox(study),
        *(_scoring(study) if any(has_sets(task) for task in study.tasks) else ()),
        _equal_settings(study, "Equal steps and batch", ("training.steps", "training.batch_size")),
        training_checks.steps_done(study),
        training_checks.converged(study),
        _equal_settings(study, "Equal training settings", ("training.", "trainer."), leave=("training.steps", "training.batch_size")),
        arm_checks.effort(study),
        choice_checks.tuning(study),
        choice_checks.selection(study),
        _seeds(study),
        _compute(study),
        arm_checks.unfinished(study),
        _code(study),
        _records(study),
    )


def _budget(study: Study) -> Check:
    gaps = {
        (task.label, task.plain_name(arm)): [number(run.budget.get("gap")) for run in task.runs(arm)]
        for task in study.tasks
        for arm in task.arms
    }
    if any(gap is None for values in gaps.values() for gap in values):
        return Check("Equal budget", "WARNING", "some runs did not record their gap to the budget")
    worst = {key: max((gap for gap in values if gap is not None), key=abs) for key, values in gaps.items()}
    matched = sorted({words for run in study.runs if (words := str(run.budget.get("match", "")))})
    rule = f"{text.listing([text.words(word) for word in matched])} matched" if matched else "what is matched was not recorded"
    over = [f"{arm} on {task} {text.points(gap, digits=2)} %" for (task, arm), gap in worst.items() if abs(gap) > ALLOWED_GAP]
    if over or len(matched) > 1:
        return Check("Equal budget", "WARNING", f"{rule}; beyond 1 % of the target: {', '.join(over) or 'none'}")
    largest = max(worst.values(), key=abs)
    return Check("Equal budget", "OK", f"{rule}; every arm within 1 % of the target (largest gap {text.points(largest, digits=2)} %)")


def _agree(
    study: Study, key: Callable[[RunRecord], Any], groups: Callable[[TaskRuns], Iterable[list[RunRecord]]]
) -> tuple[bool, list[str]]:
    """(every run recorded it, the tasks in which the runs of some group differ)."""
    recorded, differing = True, []
    for task in study.tasks:
        for group in groups(task):
            values = {key(run) for run in group}
            recorded &= None not in values and "" not in values
            if len(values - {None, ""}) > 1:
                differing.append(task.label)
    return recorded, list(dict.fromkeys(differing))


def _whole_task(task: TaskRuns) -> list[list[RunRecord]]:
    return [list(task)]


def _by_seed(task: TaskRuns) -> list[list[RunRecord]]:
    return [[run for run in task if run.labels.seed == seed] for seed in task.seeds]


def _split_hashes(run: RunRecord) -> str | None:
    splits = run.data.get("splits", {})
    names = ("train", "validation", "test")
    hashes = [splits.get(name, {}).get("content_hash") for name in (*names, *sorted(set(splits) - set(names)))]
    return " ".join(map(str, hashes)) if all(hashes) else None


def _same_data(study: Study) -> Check:
    name = "Same data"
    recorded, differing = _agree(study, _split_hashes, _by_seed)
    if differing:
        return Check(name, "WARNING", f"the arms of a seed did not see the same splits on {text.listing(differing)}")
    if not recorded:
        return Check(name, "WARNING", "some runs did not record the hashes of their splits")
    _, across_seeds = _agree(study, _split_hashes, _whole_task)
    scope = (
        "all arms and seeds"
        if not across_seeds
        else f"all arms of a seed (the seeds have splits of their own on {text.listing(across_seeds)})"
    )
    return Check(name, "OK", f"training, validation and test splits have equal content hashes in {scope}")


def _class_rule(study: Study) -> Check:
    rules = {task.label: sorted({str(run.data.get("class_rule") or "not recorded") for run in task}) for task in study.tasks}
    things = {task.words.example: None for task in study.tasks}
    name = f"What counts as the same {text.listing(list(things), conjunction='or')}"
    return Check(name, "STATED", "; ".join(f"{task}: {' / '.join(rule)}" for task, rule in rules.items()))


def _scoring(study: Study) -> tuple[Check, ...]:
    return audit_checks.same_score(study), _equal_settings(study, "Equal evaluation settings", ("evaluation.",))


def _equal_settings(study: Study, name: str, prefixes: tuple[str, ...], *, leave: tuple[str, ...] = ()) -> Check:
    """The same values in all arms and seeds of each task, for the keys that begin with one of the prefixes."""
    differing: list[str] = []
    shown: dict[str, set[str]] = {}
    for task in study.tasks:
        configs = [flat(run.config) for run in task]
        for key in sorted({key for config in configs for key in config if key.startswith(prefixes)} - _MAY_DIFFER - set(leave)):
            values = sorted({str(config.get(key)) for config in configs})
            shown.setdefault(key, set()).update(values)
            if len(values) > 1:
                differing.append(f"{key} on {task.label} ({', '.join(values)})")
    if differing:
        return Check(name, "WARNING", f"not equal: {'; '.join(differing[:6])}{' and more' if len(differing) > 6 else ''}")
    if not shown:
        return Check(name, "WARNING", "the runs' configurations do not say")
    if len(shown) <= 3:
        return Check(name, "OK", ", ".join(f"{key.partition('.')[2]} {'/'.join(sorted(values))}" for key, values in shown.items()))
    return Check(name, "OK", f"{len(shown)} settings equal in all arms and seeds of each task")


def _seeds(study: Study) -> Check:
    if study.gaps:
        return Check("Equal seeds", "WARNING", " ".join(study.gaps))
    counts = {len(task.seeds) for task in study.tasks}
    detail = (
        f"every arm has the same {text.plural(max(counts), 'seed')} on every task"
        if len(counts) == 1
        else "every arm has the same seeds on each task"
    )
    return Check(
        "Equal seeds", "OK" if min(counts) > 1 else "WARNING", detail + ("" if min(counts) > 1 else "; one seed is never a verdict")
    )


def _compute(study: Study) -> Check:
    parts = []
    for task in study.tasks:
        totals = {task.plain_name(arm): [run.training("flops") for run in task.runs(arm)] for arm in task.arms}
        means = {arm: sum(known) / len(known) for arm, values in totals.items() if (known := [value for value in values if value])}
        if len(means) > 1:
            low, high = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
            parts.append(f"{task.label}: {high} spent {means[high] / means[low]:.1f} times the training FLOPs of {low}")
    if parts and has_practice(study):
        parts.append("all of the warm-up alone: what practice took is not counted")
    return Check("Compute", "STATED", "; ".join(parts) or "training FLOPs were not recorded for two arms")


def _code(study: Study) -> Check:
    commits = sorted({str(run.provenance.get("git_commit") or "unknown")[:10] for run in study.runs})
    dirty = sum(bool(run.provenance.get("git_dirty")) for run in study.runs)
    hardware = {(str(run.provenance.get("cpu")), str(run.provenance.get("gpus"))) for run in study.runs}
    told = [f"{'commit' if len(commits) == 1 else 'commits'} {', '.join(commits)}"]
    if dirty:
        told.append(f"{text.plural(dirty, 'run')} with uncommitted changes")
    told.append("one kind of machine" if len(hardware) == 1 else f"{len(hardware)} kinds of machines (compare no wall times)")
    clean = len(commits) == 1 and not dirty and commits != ["unknown"] and len(hardware) == 1
    return Check("Same code and machine", "OK" if clean else "WARNING", "; ".join(told))


def _records(study: Study) -> Check:
    problems = [f"{run.name}: {problem}" for run in study.runs for problem in run.problems]
    if problems:
        return Check(
            "Complete records", "WARNING", "; ".join(problems[:4]) + (f" and {len(problems) - 4} more" if len(problems) > 4 else "")
        )
    return Check("Complete records", "OK", "every run has budget, data, provenance, metrics and predictions, and they agree")
