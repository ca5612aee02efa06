"""The lines of the fairness card about what an arm is: its part, its configuration, its tuning, and the runs that it lacks."""

from collections.abc import Iterable
from typing import Any

from hrmlab.core.report_keys import REPORT_KEYS
from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, flat

_CHECKED_ELSEWHERE = ("training.", "trainer.", "evaluation.", "logger.")
_LABELS = {"study", "task", "seed", "output_root", "resume", *REPORT_KEYS}


def roles(study: Study) -> Check:
    """Which arms are in question, which one they are held against, and who said so."""
    name, found = "Subjects and controls", study.roles
    if study.baseline is None:
        return Check(name, "WARNING", "no arm is declared the baseline, so nothing is compared to one")
    controls = [arm for arm in study.arms if arm not in study.subjects and arm != study.baseline]
    said = [f"in question: {text.listing(list(study.subjects)) or 'no arm'}", f"baseline: {study.baseline}"]
    said += [f"{'control' if len(controls) == 1 else 'controls'}: {text.listing(controls)}"] if controls else []
    undeclared = [arm for arm in study.arms if arm not in found.declared]
    if found.given:
        said.append("the baseline was chosen for this report")
    elif len(found.baselines) > 1:
        said.append(f"{text.listing(list(found.baselines))} are declared baselines, of which the first by name is taken")
    if undeclared:
        said.append(f"{text.listing(undeclared)} declare{'s' if len(undeclared) == 1 else ''} no role")
    if found.mixed:
        return Check(name, "WARNING", f"{'; '.join(said)}; the runs of {text.listing(list(found.mixed))} declare different roles")
    declared = not found.given and len(found.baselines) == 1 and not undeclared
    return Check(name, "OK" if declared else "STATED", f"{'; '.join(said)}" + ("; as declared" if declared else ""))


def one_configuration(study: Study) -> Check:
    """Whether the runs of an arm on a task differ in nothing but the seed."""
    name, differing = "One configuration per arm", []
    for task in study.tasks:
        for arm in task.arms:
            configs = [_configuration(run) for run in task.runs(arm)]
            keys = [key for key in sorted({key for config in configs for key in config}) if len(_values(configs, key)) > 1]
            if keys:
                told = ", ".join(f"{key} {'/'.join(_values(configs, key))}" for key in keys[:3])
                differing.append(f"{task.plain_name(arm)} on {task.label} ({told}{' and more' if len(keys) > 3 else ''})")
    if differing:
        return Check(name, "WARNING", f"the seeds of an arm have different configurations: {'; '.join(differing)}")
    return Check(name, "OK", "the seeds of an arm differ in nothing but the seed")


def _configuration(run: RunRecord) -> dict[str, Any]:
    values = flat(run.config)
    return {key: value for key, value in values.items() if key not in _LABELS and not key.startswith(_CHECKED_ELSEWHERE)}


def _values(configs: Iterable[dict[str, Any]], key: str) -> list[str]:
    return sorted({str(config.get(key)) for config in configs})


def effort(study: Study) -> Check:
    """Tuning effort cannot be measured from runs; what can be said is how many configurations were tried, and what differs between arms."""
    tried = _tried(study)
    several = any(count > 1 for count in tried.values())
    counts = "configurations of each model in this study: " + ", ".join(f"{model} {count}" for model, count in sorted(tried.items()))
    counts += "; the best of several is no fair match for a single one" if len(set(tried.values())) > 1 else ""
    differing: dict[str, list[str]] = {}
    for task in study.tasks:
        arms = {arm: flat({"optimizer": task.runs(arm)[0].config.get("optimizer", {})}) for arm in task.arms}
        for key in sorted({key for values in arms.values() for key in values}):
            if len({str(values.get(key)) for values in arms.values()}) > 1:
                differing.setdefault(key, []).append(
                    f"{task.label}: " + ", ".join(f"{task.plain_name(arm)} {values.get(key)}" for arm, values in arms.items())
                )
    if not differing:
        said = "all arms share one set of optimizer settings"
        return Check("Tuning effort", "STATED", f"{said}; {counts if several else 'none was tuned for one arm within this study'}")
    detail = "; ".join(f"{key} ({' | '.join(tasks)})" for key, tasks in differing.items())
    detail = f"optimizer settings differ between arms, so ask how each was found: {detail}"
    return Check("Tuning effort", "STATED", f"{detail}; {counts}" if several else detail)


def _tried(study: Study) -> dict[str, int]:
    """Model -> the most configurations of it on one task and seed, those that were superseded too."""
    models = {run.arm: str(run.configured("model.name") or run.arm) for run in study.runs}
    found: dict[tuple[str, str], set[str]] = {}
    for run in study.runs:
        found.setdefault((models[run.arm], _place(run.name)), set()).add(run.hash)
    for item in study.listed:
        if item.state == "superseded":
            found.setdefault((models.get(item.arm, item.arm), _place(item.name)), set()).add(item.configuration)
    counts: dict[str, int] = {}
    for (model, _), configurations in found.items():
        counts[model] = max(counts.get(model, 0), len(configurations))
    return counts


def _place(name: str) -> str:
    """Task, size and seed of a run directory: ``study/task/arm/size/seed=0/hash``."""
    _, task, _, size, seed, _ = name.split("/")
    return f"{task}/{size}/{seed}"


def unfinished(study: Study) -> Check:
    """Launches that nothing stands for: unfinished, unreadable, or pushed aside by another configuration under the same name."""
    left_out = [item.state for item in study.listed if item.state == "superseded" or (item.state != "duplicate" and not item.replaced)]
    told = [f"{left_out.count(state)} {state}" for state in dict.fromkeys(left_out)]
    if told:
        return Check("Unfinished runs", "WARNING", f"{', '.join(told)} (listed below): the arms may not be represented alike")
    return Check("Unfinished runs", "OK", "every arm, task and seed that was launched was completed and counts")
