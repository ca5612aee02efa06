"""The lines of the fairness card about choosing: which checkpoint was scored, and what was tried for each arm's learning rate."""

import numpy as np

from hrmlab.core.measures import Measure
from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, TaskRuns, flat
from hrmlab.reporting.compare.chosen_checkpoint import chosen_by, rule_of
from hrmlab.reporting.compare.practice import has_practice


def selection(study: Study) -> Check:
    """Which checkpoint was scored, chosen on which split, among how many."""
    name = "Selection"
    rules = sorted({rule_of(run) for run in study.runs})
    measures = {task.label: chosen_by(task) for task in study.tasks}
    best = dict.fromkeys(measure.wording for measure in measures.values())
    meaning = {
        "best": f"the checkpoint with the best {' or '.join(best)} on the validation split",
        "last": "the last checkpoint, nothing chosen",
    }
    scored = "scored on the test split, as every stage before it was" if has_practice(study) else "scored once on the test split"
    detail = f"{text.listing([meaning.get(rule, rule) for rule in rules])}, {scored}"
    if reused := [task.label for task in study.tasks if any(_is_chosen_on_test(run) for run in task)]:
        detail += (
            f"; on {text.listing(reused)} the test split is the validation split, so that the checkpoint was chosen on what is reported"
        )
    if "best" not in rules:
        return Check(name, "OK" if rules == ["last"] and not reused else "WARNING", detail)
    told, unequal = [], []
    for task in study.tasks:
        counts = {task.plain_name(arm): sorted({len(_curve(run, measures[task.label])) for run in task.runs(arm)}) for arm in task.arms}
        different = len({tuple(values) for values in counts.values()}) > 1 or any(len(values) > 1 for values in counts.values())
        unequal += [task.label] if different else []
        shown = {arm: "/".join(map(str, values)) for arm, values in counts.items()}
        told.append(
            f"{task.label} {', '.join(f'{arm} {value}' for arm, value in shown.items())}"
            if different
            else f"{task.label} {next(iter(shown.values()))}"
        )
    detail += f"; chosen among so many validations: {'; '.join(told)}"
    detail += f", unequal on {text.listing(unequal)}" if unequal else ", the same for all arms"
    curves = {task.label: [_curve(run, measures[task.label]) for run in task] for task in study.tasks}
    if undecided := [label for label, found in curves.items() if all(len(values) and not values.any() for values in found)]:
        detail += f"; on {text.listing(undecided)} that was 0 at every validation, so that the next measure decided among equals"
    return Check(name, "OK" if rules == ["best"] and not unequal and not reused else "WARNING", detail)


def _is_chosen_on_test(run: RunRecord) -> bool:
    """Whether its test split holds the very examples of its validation split."""
    splits = run.data.get("splits") or {}
    one, other = ((splits.get(name) or {}).get("content_hash") for name in ("validation", "test"))
    return one is not None and one == other


def _curve(run: RunRecord, measure: Measure) -> np.ndarray:
    """(K,) what each validation measured; empty where none did."""
    curve = run.curves.get(f"val/{measure.name}")
    return np.empty(0) if curve is None else curve.values


def tuning(study: Study) -> Check:
    """What was tried for the learning rate of each arm, where its configuration says."""
    name = "Learning-rate tuning"
    told = [f"{task.label}: {_tuned(task)}" for task in study.tasks]
    recorded = [bool(run.config.get("tuning")) for run in study.runs]
    if not any(recorded):
        return Check(name, "STATED", "not recorded: the runs do not say what was tried for each arm")
    trials = [
        {str(flat(run.config["tuning"]).get("trials")) for run in task if isinstance(run.config.get("tuning"), dict)}
        for task in study.tasks
    ]
    if any(len(counts) > 1 for counts in trials) or not all(recorded):
        return Check(name, "WARNING", f"not the same effort for every arm, or not recorded for all: {' | '.join(told)}")
    return Check(name, "STATED", " | ".join(told))


def _tuned(task: TaskRuns) -> str:
    """``hrm learning rate 0.003 (score 0.4); transformer learning rate 0.006 (score 0.5); for all: trials 3, values 0.0015/0.003``."""
    told = {arm: _told(task.runs(arm)[0]) for arm in task.arms}
    first = next(iter(told.values()))
    common = {key for key in first if all(values.get(key) == first[key] for values in told.values())} if len(told) > 1 else set()
    parts = []
    for arm, values in told.items():
        own = _in_words({key: value for key, value in values.items() if key not in common}) or ("" if values else "not recorded")
        rate = task.runs(arm)[0].configured("optimizer.learning_rate")
        parts.append(f"{task.plain_name(arm)} learning rate {rate}{f' ({own})' if own else ''}")
    if common:
        parts.append(f"for all: {_in_words({key: first[key] for key in first if key in common})}")
    return "; ".join(parts)


def _told(run: RunRecord) -> dict[str, str]:
    """What a run says of its tuning, without what is empty (no value at an edge) and without the rule, which its file spells out."""
    found = run.config.get("tuning")
    values = flat(found) if isinstance(found, dict) else {"tuning": found} if found else {}
    return {key: _listed(value) for key, value in values.items() if value != [] and not (key == "selection" and "file" in values)}


def _in_words(values: dict[str, str]) -> str:
    return ", ".join(f"{text.words(key)} {value}" for key, value in values.items())


def _listed(value: object) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)
