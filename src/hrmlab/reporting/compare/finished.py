"""Which runs have finished learning: a state for every run, a summary for every arm on a task, and the marks beside its numbers."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from hrmlab.core.measures import Unit
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare.progress import followed_measure, validation_examples
from hrmlab.statistics.convergence import ENDED, RELEVANT_GAIN, Convergence, State, convergence, decide
from hrmlab.statistics.intervals import Estimate, mean_interval

SIGNS: dict[State, str] = {
    "still rising": "†",
    "not begun": "§",
    "cannot tell": "¶",
    "no longer rising": "‡",
    "by heart": "‖",
}
"""The marks beside numbers; a number without one belongs to an arm that has converged."""
IN_WORDS: dict[State, str] = {
    "converged": "converged",
    "still rising": "still rising",
    "not begun": "solving next to nothing yet",
    "cannot tell": "not shown to have converged",
    "no longer rising": "no longer rising",
    "by heart": "solving training examples only",
}
_ENOUGH_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How far the runs of one arm on one task have come.

    Attributes:
        name: the arm as inline Markdown, marked where it leaks.
        runs: seed -> its own state.
        gain: mean gain over the last quarter over seeds, with its 90 % interval; None with fewer than two seeds that have one.
        state: of the arm. Runs that have not begun come first; of runs that have all ended, those that know training examples only; with
            three seeds or more the mean gain decides, unless two runs still rise by themselves; else the least finished run does.
        share: whether gains are points of a share.
    """

    task: str
    arm: str
    name: str
    runs: dict[int, Convergence]
    gain: Estimate | None
    state: State
    share: bool

    @property
    def counts(self) -> str:
        """``5 of 5 converged``, ``3 of 5 still rising, 2 cannot tell``."""
        found = Counter(run.state for run in self.runs.values())
        ordered: list[tuple[State, int]] = [(state, found[state]) for state in IN_WORDS if found[state]]
        return ", ".join(
            f"{count}{f' of {len(self.runs)}' if place == 0 else ''} {IN_WORDS[state]}" for place, (state, count) in enumerate(ordered)
        )

    @property
    def mark(self) -> str:
        """What stands beside the arm's number: ``† still rising``; empty where it has converged."""
        return "" if self.state == "converged" else f"{SIGNS[self.state]} {IN_WORDS[self.state]}"


def relevant_gain(unit: Unit, final: float) -> float:
    """The gain over a quarter that matters: of shares in points, of all else that part of the final value."""
    return RELEVANT_GAIN if unit == "share" else max(RELEVANT_GAIN * abs(final), 1e-12)


def finished(study: Study) -> tuple[Finished, ...]:
    """Every arm on every task."""
    return tuple(_of_arm(task, arm) for task in study.tasks for arm in task.arms)


def _of_arm(task: TaskRuns, arm: str) -> Finished:
    measure = followed_measure(task)
    share = (measure or task.measure).unit == "share"
    runs, relevant = {}, [RELEVANT_GAIN]
    for run in task.runs(arm):
        curve = run.curves.get(f"val/{measure.name}") if measure is not None else None
        if measure is None or curve is None:
            runs[run.labels.seed] = Convergence(state="cannot tell", reason="no validation was logged")
            continue
        practised = run.curves.get(f"train/{measure.name}")
        limit = relevant_gain(measure.unit, float(curve.values[-1]))
        relevant.append(limit)
        runs[run.labels.seed] = convergence(
            curve.steps,
            curve.values,
            examples=validation_examples(run),
            training=(practised.steps, practised.values) if practised is not None and share else None,
            relevant=limit,
            larger_is_better=measure.larger_is_better,
            is_share=share,
        )
    gains = [run.gain for run in runs.values() if run.gain is not None]
    gain = mean_interval(gains, confidence=0.9) if len(gains) > 1 else None
    limit = float(np.mean(relevant[1:])) if len(relevant) > 1 else RELEVANT_GAIN
    return Finished(task=task.label, arm=arm, name=task.name(arm), runs=runs, gain=gain, state=_state(runs, gain, limit), share=share)


def _state(runs: dict[int, Convergence], gain: Estimate | None, relevant: float) -> State:
    states: Counter[State] = Counter(run.state for run in runs.values())
    if states["not begun"]:
        return "not begun"
    ended = states.keys() <= ENDED
    if ended and states["by heart"]:
        return "by heart"
    if len(states) == 1 and not states["cannot tell"]:
        return next(iter(states))
    if states["still rising"] < 2 and gain is not None and gain.high is not None and gain.count == len(runs) >= _ENOUGH_SEEDS:
        by_mean = decide(gain.value, gain.high - gain.value, relevant=relevant)
        # Runs that have all ended may differ so much in what they lost that their mean tells nothing.
        return "no longer rising" if ended and by_mean != "converged" else by_mean
    return next(state for state in SIGNS if states[state])


def rate_words(study: Study) -> str:
    """What the learning rate's course means for the curves' ends, a clause."""
    if all(_holds(run) for run in study.runs):
        return "the learning rate stays where it is over that quarter, so that nothing but the end of learning flattens a curve"
    return "a learning rate that falls to the end flattens every curve, so this speaks of these runs and not of longer ones"


def _holds(run: RunRecord) -> bool:
    """Whether the learning rate is the same over the whole last quarter."""
    if run.configured("optimizer.schedule") == "constant" or number(run.configured("optimizer.final_learning_rate_ratio")) == 1:
        return True
    return (number(run.configured("optimizer.hold_share")) or 0.0) >= 0.25


def by_arm(found: tuple[Finished, ...]) -> dict[tuple[str, str], Finished]:
    """(task, arm) -> its state."""
    return {(item.task, item.arm): item for item in found}


def marks_used(found: tuple[Finished, ...]) -> str:
    """The legend of the marks that any number has, one sentence; empty where every arm has converged."""
    used: list[State] = [state for state in SIGNS if any(item.state == state for item in found)]
    if not used:
        return ""
    told = "; ".join(f"{SIGNS[state]} {_meaning(state)}" for state in used)
    limit = limit_words(found)
    return f"Validation curves: {told}. Without a mark: converged, shown to have gained or lost less than {limit} over the last quarter."


def _meaning(state: State) -> str:
    return {
        "still rising": "still rising over the last quarter of the training",
        "not begun": "a run or more solves next to nothing yet",
        "no longer rising": "no longer rising over the last quarter, perhaps falling",
        "by heart": "a run or more has ended with training examples, and next to no others, solved",
    }.get(state, "too short or too noisy to show that it has converged")


def limit_words(found: tuple[Finished, ...]) -> str:
    """The gain that matters, as it applies to these arms: ``2 points``, ``2 % of the final value``."""
    limit = f"{100 * RELEVANT_GAIN:g}"
    kinds = {item.share for item in found}
    words = [f"{limit} points"] if True in kinds else []
    return " or ".join([*words, *([f"{limit} % of the final value"] if False in kinds else [])])


def unfinished_words(found: tuple[Finished, ...]) -> str:
    """A headline's first words where arms have not finished: ``**Unfinished** (6 of 18 runs still rising)``; empty where all have."""
    unfinished = [item for item in found if item.state not in ENDED]
    if not unfinished:
        return ""
    states = Counter(run.state for item in unfinished for run in item.runs.values())
    total = sum(len(item.runs) for item in found)
    told = [f"{states[state]} {IN_WORDS[state]}" for state in SIGNS if states[state] and state not in ENDED]
    counted = told[0].replace(" ", f" of {text.plural(total, 'run')} ", 1) if len(told) == 1 else f"{text.listing(told)}, of {total} runs"
    shown = any(item.state != "cannot tell" for item in unfinished)
    return f"**{'Unfinished' if shown else 'Not shown to be finished'}** ({counted})"
