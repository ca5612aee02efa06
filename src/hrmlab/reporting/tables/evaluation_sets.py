"""All test sets of a task side by side: what completions and likelihood came to, with intervals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.tables.main import Table, value_of

PUBLIC_SETS = ("humaneval", "humaneval_plus", "mbpp")
EMPTY = "–"


@dataclass(frozen=True)
class EvaluationSets:
    """The table of one task's test sets, and the sentences that belong beside it."""

    label: str
    table: Table
    notes: tuple[str, ...]


def set_name(task: TaskRuns) -> str:
    """What the test split is called beside further test sets."""
    synthetic = any(run.configured("data.name") == "synthetic_code" and run.configured("data.protocol") != "published" for run in task)
    return "test_iid" if synthetic or "test_deeper" in names_of_others(task) else "test"


def names_of_others(task: TaskRuns) -> list[str]:
    """Further test sets that any run was scored on, in the runs' order."""
    return list(dict.fromkeys(name for run in task for name in run.other_tests))


def results_by_set(task: TaskRuns) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """set -> arm -> the results of its runs, the test split first; arms without a result are left out."""
    others = names_of_others(task)
    found = {set_name(task): {arm: [run.summary["test"] for run in task.runs(arm)] for arm in task.arms}}
    for name in others:
        by_arm = {arm: [run.other_tests[name] for run in task.runs(arm) if name in run.other_tests] for arm in task.arms}
        found[name] = {arm: results for arm, results in by_arm.items() if results}
    return found


def set_tables(study: Study) -> list[EvaluationSets]:
    """One for each task with programs or with further test sets."""
    chosen = [task for task in study.tasks if task.is_code or names_of_others(task)]
    return [EvaluationSets(task.label, _set_table(task), tuple(_notes(task))) for task in chosen]


def _set_table(task: TaskRuns) -> Table:
    sets = results_by_set(task)
    everything = [result for by_arm in sets.values() for results in by_arm.values() for result in results]
    shares = _pass_metrics(everything) if task.is_code else ["exact_accuracy"]
    verdicts = any(result.get("verdicts") for result in everything)
    rows = []
    for name, by_arm in sets.items():
        for arm, results in by_arm.items():
            row = [name, task.name(arm), text.count(problems(results)), *(share_cell(results, metric) for metric in shares)]
            if task.is_code:
                row.append(_bits_cell(results))
            if verdicts:
                row.append(f"{_verdict_share(results, 'failed')} / {_verdict_share(results, 'timed out')}")
                row.append(text.percent(value_of(scores.measured(results, "copied_share"))))
            row.append(str(len(results)))
            rows.append(tuple(row))
    columns = ["Test set", "Arm", "Problems", *(scores.metric_name(metric).replace("exact", "Exact") for metric in shares)]
    columns += ["Bits per byte"] if task.is_code else []
    columns += ["Failed / timed out", "Copied text"] if verdicts else []
    return Table((*columns, "Seeds"), tuple(rows), labels=2)


def _pass_metrics(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """``pass_at_1`` and whatever further k some run recorded, in order."""
    ks = {1}
    for result in results:
        ks |= {int(k) for name in result if (k := name.removeprefix("pass_at_")) != name and k.isdigit()}
    return [f"pass_at_{k}" for k in sorted(ks)]


def problems(results: list[dict[str, Any]]) -> float | None:
    """How many problems stand behind the results; the fewest."""
    counts = [known for result in results if (known := number(result.get("problems")) or number(result.get("count")))]
    return min(counts) if counts else None


def share_cell(results: list[dict[str, Any]], metric: str) -> str:
    """A share with its interval: ``12.3 % [10.1, 14.5]``."""
    estimate = scores.measured(results, metric)
    return EMPTY if estimate is None else f"{text.percent(estimate.value)} {text.share_interval(estimate)}"


def _bits_cell(results: list[dict[str, Any]]) -> str:
    estimate = scores.measured(results, "bits_per_byte")
    if estimate is None:
        return EMPTY
    interval = text.NOT_AVAILABLE
    if estimate.low is not None and estimate.high is not None:
        interval = f"[{max(0.0, estimate.low):.3f}, {estimate.high:.3f}]"
    return f"{text.decimal(estimate.value, digits=3)} {interval}"


def _verdict_share(results: list[dict[str, Any]], verdict: str) -> str:
    shares = []
    for result in results:
        verdicts = result.get("verdicts")
        if isinstance(verdicts, dict) and sum(verdicts.values()):
            shares.append({"share": verdicts.get(verdict, 0) / sum(verdicts.values())})
    return text.percent(value_of(scores.measured(shares, "share"))) if shares else EMPTY


def _notes(task: TaskRuns) -> Iterable[str]:
    """How completions were made, what was cut, and how far public problem sets can tell small models apart."""
    if not task.is_code:
        return
    sets = results_by_set(task)
    by_settings: dict[str, list[str]] = {}
    for name, by_arm in sets.items():
        for said in dict.fromkeys(sampling_words(result) for results in by_arm.values() for result in results if result.get("sampling")):
            by_settings.setdefault(said, []).append(name)
    for said, names in by_settings.items():
        yield f"Completions of {text.listing(names)}: {said}."
    clipped = {
        name: int(sum(number(result.get("clipped")) or 0 for results in by_arm.values() for result in results))
        for name, by_arm in sets.items()
    }
    cut = [f"{text.plural(total, 'completion')} of {name}" for name, total in clipped.items() if total]
    if cut:
        yield f"The prompt was too long for the model and lost its beginning for {text.listing(cut)}, all runs together."
    reasons = {
        f"{scores.metric_name(key.removesuffix('_reason'))} of {name} is not given: {value}"
        for name, by_arm in sets.items()
        for results in by_arm.values()
        for result in results
        for key, value in result.items()
        if key.startswith("pass_at_") and key.endswith("_reason") and value
    }
    yield from (f"{reason}." for reason in sorted(reasons))
    public = [name for name in sets if name in PUBLIC_SETS]
    if public:
        yield (
            f"On {text.listing(public)} read the bits per byte: models of this size trained from scratch pass 0 to 4 % of such "
            "problems, and one problem of HumanEval's 164 is 0.6 points, so bits per byte of the canonical solutions is the figure "
            "with signal."
        )


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
    if (seconds := number(settings.get("timeout"))) is not None:
        said.append(f"{seconds:g} s for each program")
    if result.get("tier"):
        said.append(f"sandbox tier {result['tier']}")
    return ", ".join(said)
