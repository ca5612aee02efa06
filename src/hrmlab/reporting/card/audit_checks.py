"""The lines of the fairness card that rest on audits: overlap of splits, causality, contamination, the sandbox."""

from collections.abc import Collection, Iterable

from hrmlab.reporting import text
from hrmlab.reporting.card.checks import Check
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.contamination import found_overlaps
from hrmlab.reporting.compare.leaks import needs_causality
from hrmlab.reporting.compare.test_sets import were_run


def overlap(study: Study) -> Check:
    """Classes and strings that splits share, the worst of all runs; some protocols repeat examples on purpose and say why."""
    name = "No split overlap"
    found: dict[str, dict[str, int]] = {}
    tasks: dict[str, dict[str, None]] = {}
    for task in study.tasks:
        for run in task:
            shared = run.data.get("overlap")
            if not shared:
                return Check(name, "WARNING", "some runs did not record the overlap of their splits")
            purpose = str(run.data.get("shared_on_purpose") or "")
            worst = found.setdefault(purpose, {})
            tasks.setdefault(purpose, {})[task.label] = None
            for pair, number in shared.items():
                words = pair_words(pair, run.data.get("splits", {}))
                worst[words] = max(worst.get(words, 0), int(number))
    said = []
    for purpose, worst in sorted(found.items()):
        where = f" on {text.listing(list(tasks[purpose]))}" if len(found) > 1 else ""
        said.append(f"{f'shared on purpose{where} ({purpose})' if purpose else f'shared between splits{where}'}: {_counts(worst)}")
    unmeant, meant = any(found.get("", {}).values()), any(any(worst.values()) for purpose, worst in found.items() if purpose)
    return Check(name, "WARNING" if unmeant else "STATED" if meant else "OK", "; ".join(said))


def protocol(study: Study) -> list[Check]:
    """What tasks say of how their splits were made and no overlap shows; no line where none says anything."""
    told: dict[str, None] = {}
    for task in study.tasks:
        told |= {f"{task.label}: {said}": None for run in task if (said := str(run.data.get("protocol") or ""))}
    return [Check("Protocol", "STATED", "; ".join(told))] if told else []


def known_answers(study: Study) -> Check:
    """How many answers of the test occur in training: how far remembering answers, without solving anything, can reach."""
    name, told = "Answers known from training", []
    for task in study.tasks:
        found: dict[str, None] = {}
        for run in task:
            if run.data.get("next_token"):
                continue
            answers, count = run.data.get("answers"), run.data.get("splits", {}).get("test", {}).get("count")
            if not answers or not count:
                return Check(name, "STATED", "some runs did not record which answers of the test split occur in training")
            found[
                f"{task.label}: {text.count(answers['test_known'])} of {text.count(count)}, from {text.count(answers['train_distinct'])} "
                f"different training answers ({answers['rule']})"
            ] = None
        told += found
    if not told:
        return Check(name, "NOT APPLICABLE", "text is predicted token by token")
    return Check(
        name,
        "STATED",
        f"test examples whose answer is also a training answer, so that remembering answers could solve them: {'; '.join(told)}",
    )


def pair_words(pair: str, splits: Collection[str]) -> str:
    """``train_test_deeper_classes`` -> ``train/test_deeper classes``, by the names of the splits."""
    names, _, kind = pair.rpartition("_")
    for one in splits:
        other = names.removeprefix(f"{one}_")
        if other != names and other in splits:
            return f"{one}/{other} {kind}"
    return f"{'/'.join(names.split('_'))} {kind}"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{words} {number}" for words, number in found.items())


def causality(study: Study) -> Check:
    """Whether a change of a token was seen to change anything before it."""
    name = "Causality"
    asked = [(task, arm, run) for task in study.tasks for arm in task.arms for run in task.runs(arm) if needs_causality(run)]
    if not asked:
        return Check(name, "NOT APPLICABLE", "full attention: every position may see the whole input")
    kinds = sorted({str(run.data.get("attention") or "not recorded") for _, _, run in asked})
    leaking = [f"{arm} LEAKS on {task.label}: {task.leaks(arm)[0]}" for task in study.tasks for arm in task.arms if task.leaks(arm)]
    missing = _places((task, arm) for task, arm, run in asked if run.causality is None)
    if leaking or missing:
        told = [*leaking, *([f"not measured for {missing} (attention {text.listing(kinds)})"] if missing else [])]
        return Check(name, "WARNING", "; ".join(told))
    sizes = {tuple(found.get(key) for key in ("positions", "segments")) for _, _, run in asked if (found := run.causality)}
    tokens = text.listing(sorted({f"{positions}" for positions, _ in sizes}), conjunction="or")
    segments = [int(number) for _, number in sizes if number]
    detail = (
        f"measured before training on sequences of {tokens} tokens: changing a token changed no logit, halting score or state before it"
    )
    if segments:
        detail += f", in any of up to {text.plural(max(segments), 'segment')}"
    full = [task.label for task in study.tasks if not any(needs_causality(run) for run in task)]
    return Check(name, "OK", detail + (f"; not applicable on {text.listing(full)}: full attention" if full else ""))


def _places(found: Iterable[tuple[TaskRuns, str]]) -> str:
    """``hrm and transformer on synthetic_code``."""
    arms: dict[str, dict[str, None]] = {}
    for task, arm in found:
        arms.setdefault(task.label, {})[arm] = None
    return "; ".join(f"{text.listing(list(names))} on {label}" for label, names in arms.items())


def contamination(study: Study) -> Check:
    """Whether training text holds what a model is evaluated on."""
    name = "Contamination"
    written = [task for task in study.tasks if _writes(task)]
    if not written:
        return Check(name, "NOT APPLICABLE", "no problems that are answered in writing: what splits share stands above")
    missing = [task.label for task in written if any("contamination" not in run.audit for run in task)]
    found = [item for task in written for item in found_overlaps(task)]
    said = [f"On {item.task}, {item.sentence}" for item in found if item.leaks]
    clean = {task.label: [item.name for item in found if item.task == task.label and not item.leaks] for task in written}
    said += [
        f"On {label} no problem of {text.listing(names)} is in the training text, word for word or as the same program (counts below)."
        for label, names in clean.items()
        if names
    ]
    if missing:
        said.append(f"Not measured in some runs on {text.listing(missing)}.")
    return Check(
        name, "WARNING" if missing or any(item.leaks for item in found) else "OK", " ".join(said) if not missing else "; ".join(said)
    )


def _writes(task: TaskRuns) -> bool:
    """Whether problems are answered in text that training text may hold: they were audited, or written answers were judged."""
    return any("contamination" in run.audit or run.predicts_next_token for run in task)


def sandbox(study: Study) -> Check:
    """In which sandbox generated programs ran."""
    name = "Sandbox"
    judged = [run for run in study.runs if any(were_run(result) for result in (run.result, *run.other_tests.values()))]
    if not judged:
        return Check(name, "NOT APPLICABLE", "no generated program was run")
    tiers = sorted({tier for run in judged for tier in run_tiers(run)})
    if not tiers:
        return Check(name, "WARNING", "the runs did not record in which sandbox generated programs ran")
    if len(tiers) > 1:
        return Check(name, "WARNING", f"programs ran in different sandboxes, which may judge differently: {', '.join(tiers)}")
    return Check(name, "STATED", f"every generated program ran in the sandbox tier {tiers[0]}")


def run_tiers(run: RunRecord) -> set[str]:
    """The sandbox tiers that a run names."""
    named = [run.audit.get("sandbox"), *(result.get("tier") for result in (run.result, *run.other_tests.values()))]
    return {str(tier) for tier in named if tier}


def same_score(study: Study) -> Check:
    """Whether the runs of a task are scored by one measure."""
    differing = [task for task in study.tasks if len({run.measure.name for run in task if not run.leaks}) > 1]
    if differing:
        said = "; ".join(f"on {task.label} {task.measure.wording} counts, which all of them have" for task in differing)
        return Check("Same score", "WARNING", f"the runs of a task name different scores: {said}")
    return Check("Same score", "OK", "the runs of a task name one score")
