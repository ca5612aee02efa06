"""All test sets of a task side by side: every declared measure with its interval, and how programs that were written ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hrmlab.core.measures import Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.test_sets import fewest_examples, has_sets, measured_in, results_by_set, were_run
from hrmlab.reporting.layout import Table
from hrmlab.statistics.intervals import Estimate

EMPTY = "–"


@dataclass(frozen=True)
class EvaluationSets:
    """The table of one task's test sets, and the sentences that belong beside it."""

    label: str
    table: Table
    notes: tuple[str, ...]


def set_tables(study: Study) -> list[EvaluationSets]:
    """One for each task with further test sets or with answers that were written."""
    chosen = [task for task in study.tasks if has_sets(task)]
    return [EvaluationSets(task.label, _set_table(task), tuple(_notes(task))) for task in chosen]


def has_verdicts(study: Study) -> bool:
    """Whether any table says how programs ended."""
    return any(were_run(result) for task in study.tasks for result in _everything(task))


def _everything(task: TaskRuns) -> list[dict[str, Any]]:
    return [result for by_arm in results_by_set(task).values() for results in by_arm.values() for result in results]


def _set_table(task: TaskRuns) -> Table:
    everything = _everything(task)
    measures = measured_in(task, everything)
    verdicts, copied = any(map(were_run, everything)), _mean(everything, "copied_share") is not None
    rows = []
    for name, by_arm in results_by_set(task).items():
        for arm, results in by_arm.items():
            levels = [level_cell(scores.on_set(task, name, arm, results, measure), measure) for measure in measures]
            row = [name, task.name(arm), text.count(fewest_examples(results)), *levels]
            if verdicts:
                row.append(f"{_verdict_share(results, 'failed')} / {_verdict_share(results, 'timed out')}")
            if copied:
                row.append(text.percent(_mean(results, "copied_share")))
            rows.append((*row, str(len(results))))
    columns = ["Test set", "Arm", f"{text.sentence_case(task.words.example)}s", *(text.heading(measure.wording) for measure in measures)]
    columns += ["Failed / timed out"] if verdicts else []
    columns += ["Copied text"] if copied else []
    return Table((*columns, "Seeds"), tuple(rows), labels=2)


def _mean(results: list[dict[str, Any]], name: str) -> float | None:
    known = [value for result in results if (value := number(result.get(name))) is not None]
    return sum(known) / len(known) if known else None


def level_cell(estimate: Estimate | None, measure: Measure) -> str:
    """Mean and interval of a measure; – where there is none."""
    if estimate is None:
        return EMPTY
    return f"{text.level(estimate.value, measure.unit)} {text.level_interval(estimate, measure.unit)}"


def _verdict_share(results: list[dict[str, Any]], verdict: str) -> str:
    shares = [
        verdicts.get(verdict, 0) / sum(verdicts.values())
        for result in results
        if were_run(result) and (verdicts := result["verdicts"]) and sum(verdicts.values())
    ]
    return text.percent(sum(shares) / len(shares)) if shares else EMPTY


def _notes(task: TaskRuns) -> Iterable[str]:
    """How answers were written, what was cut, why a measure is missing, and what a set says of itself."""
    sets = results_by_set(task)
    flat = [(name, result) for name, by_arm in sets.items() for results in by_arm.values() for result in results]
    by_settings: dict[str, dict[str, None]] = {}
    for name, result in flat:
        if result.get("sampling"):
            by_settings.setdefault(sampling_words(result), {})[name] = None
    for said, names in by_settings.items():
        yield f"Completions of {text.listing(list(names))}: {said}."
    clipped = {name: int(sum(number(result.get("clipped")) or 0 for place, result in flat if place == name)) for name in sets}
    cut = [f"{text.plural(total, 'completion')} of {name}" for name, total in clipped.items() if total]
    if cut:
        yield f"The prompt was too long for the model and lost its beginning for {text.listing(cut)}, all runs together."
    reasons = {
        f"{measure.wording} of {name} is not given: {reason}."
        for name, result in flat
        for measure in task.measures
        if (reason := result.get(f"{measure.name}_reason"))
    }
    yield from sorted(reasons)
    yield from dict.fromkeys(str(note) for _, result in flat if (note := result.get("note")))


def sampling_words(result: Mapping[str, Any]) -> str:
    """``greedy (temperature 0), 1 completion per problem, at most 256 new tokens, ...``."""
    settings = result.get("sampling") or {}
    said = []
    temperature, top_p = number(settings.get("temperature")), number(settings.get("top_p"))
    if temperature is not None:
        sampled = f"sampled at temperature {temperature:g}" + (f", top-p {top_p:g}" if top_p is not None else "")
        said.append("greedy (temperature 0)" if temperature == 0 else sampled)
    if (samples := number(settings.get("samples"))) is not None:
        said.append(f"{text.plural(int(samples), 'completion')} per problem")
    if (most := number(settings.get("max_new_tokens"))) is not None:
        said.append(f"at most {most:.0f} new tokens")
    if "stop" in settings:
        stops = [f"`{str(stop).encode('unicode_escape').decode()}`" for stop in settings["stop"] or []]
        said.append("ended by the end token" + (f" or one of {', '.join(stops)}" if stops else " alone"))
    if "halting" in settings:
        said.append("each token read at learned halting" if settings["halting"] else "each token read after all segments")
    if (seconds := number(settings.get("timeout"))) is not None and were_run(result):
        said.append(f"{seconds:g} s for each program")
    if result.get("tier"):
        said.append(f"sandbox tier {result['tier']}")
    return ", ".join(said)
