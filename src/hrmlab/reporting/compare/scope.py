"""What a verdict speaks of: size, length of training, seeds and test examples, in one sentence."""

from collections.abc import Iterable

from hrmlab.reporting import text
from hrmlab.reporting.collect.records import number
from hrmlab.reporting.collect.study import Study
from hrmlab.reporting.compare.scores import examples_behind


def scope(study: Study) -> str:
    """``0.1M parameters; 900 to 1,500 optimizer steps; 3 seeds; 500 test puzzles.``; empty without runs."""
    runs = study.runs
    if not runs:
        return ""
    things = list(dict.fromkeys(f"{task.words.example}s" for task in study.tasks))
    said = [
        _range((number(run.configured("size.parameters")) or number(run.budget.get("parameters")) for run in runs), "parameters", si=True),
        _range((run.training("steps") for run in runs), "optimizer steps"),
        _range((float(len(task.runs(arm))) for task in study.tasks for arm in task.arms), "seeds for each arm"),
        _range((examples_behind(run.result) for run in runs), f"test {text.listing(things, conjunction='or')}"),
    ]
    return f"This speaks of {text.listing([each for each in said if each])}, and of nothing larger or longer."


def _range(values: Iterable[float | None], noun: str, *, si: bool = False) -> str:
    """``900 to 1,500 steps``; empty where nothing is known."""
    known = sorted({value for value in values if value is not None})
    if not known:
        return ""
    ends = [str(text.quantity(value)) if si else str(text.count(value)) for value in (known[0], known[-1])]
    singular = noun.replace("seeds ", "seed ") if known == [1.0] else noun
    return f"{ends[0]} {singular}" if len(known) == 1 else f"{ends[0]} to {ends[1]} {noun}"
