"""Learning by reward: what each stage of practice came to, against the warm-up of the same run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hrmlab.core.measures import Measure
from hrmlab.reporting.collect.records import RunRecord, number
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.pairing import named_random
from hrmlab.statistics import calibrated
from hrmlab.statistics.intervals import Estimate, without_empty_interval
from hrmlab.statistics.samples import Kind, from_levels


@dataclass(frozen=True)
class StageResult:
    """An arm after a stage.

    Attributes:
        name: of the stage.
        accuracy: of answers to the test split.
        gain: of that over the warm-up, run by run; None after the warm-up itself.
        ahead: how much more that gain is than the baseline's after the same stage, seed by seed; None for the baseline itself, after the
            warm-up, and where no seed is common.
        reward: of a stage's own kind of problems, held out: how much more than after the warm-up; None after the warm-up itself.
        seconds: wall time of the stage's practice, a mean over seeds; None after the warm-up itself.
    """

    name: str
    accuracy: Estimate
    gain: Estimate | None
    ahead: Estimate | None
    reward: Estimate | None
    seconds: float | None


def practised(study: Study) -> list[tuple[TaskRuns, dict[str, list[StageResult]]]]:
    """task, and arm -> its stages, of the tasks on which an arm practised."""
    tasks = []
    for task in study.tasks:
        beside = {} if study.baseline is None else {run.labels.seed: run for run in task.runs(study.baseline)}
        found = {arm: _of_arm(task.runs(arm), {} if arm == study.baseline else beside, task.measure) for arm in task.arms}
        if found := {arm: stages for arm, stages in found.items() if stages}:
            tasks.append((task, found))
    return tasks


def _names(run: RunRecord) -> list[str]:
    return [str(stage.get("name")) for stage in run.stages]


def has_practice(study: Study) -> bool:
    """Whether any run practised after its warm-up."""
    return any(len(run.stages) > 1 for run in study.runs)


def warm_up_note(study: Study) -> str:
    """What steps, costs and validation curves are of, the end of a sentence about them; empty where no run practised.

    Practice is trained after everything that is counted and validated, and records its wall time alone.
    """
    if not has_practice(study):
        return ""
    return "of the warm-up alone; practice comes after and is not counted."


def equal_gains(study: Study) -> bool:
    """Whether any gain is the same in all seeds, and has no interval for that."""
    stages = [stage for _, found in practised(study) for each in found.values() for stage in each]
    return any(gain.all_equal for stage in stages for gain in (stage.gain, stage.ahead, stage.reward) if gain is not None)


def _of_arm(runs: list[RunRecord], baseline: Mapping[int, RunRecord], measure: Measure) -> list[StageResult]:
    known = [run for run in runs if run.stages]
    if not known:
        return []
    names = _names(known[0])
    known = [run for run in known if _names(run) == names]
    beside = {seed: run for seed, run in baseline.items() if _names(run) == names}
    found = []
    for place, name in enumerate(names):
        accuracy = _level(known, place, measure, label=f"{name} accuracy")
        if accuracy is None:
            continue
        gain = (
            _over(known, lambda run, place=place: _gain(run, place), kind="difference of shares", label=f"{name} gain") if place else None
        )
        ahead = (
            _over(known, lambda run, place=place: _ahead(run, beside, place), kind="difference of shares", label=f"{name} ahead")
            if place
            else None
        )
        reward = _over(known, lambda run, place=place: _reward_gain(run, place), kind="number", label=f"{name} reward") if place else None
        taken = [seconds for run in known if (seconds := number(run.stages[place].get("seconds"))) is not None]
        found.append(StageResult(name, accuracy, gain, ahead, reward, sum(taken) / len(taken) if place and taken else None))
    return found


def _accuracy(run: RunRecord, place: int) -> float | None:
    tests = run.stages[place].get("tests") or {}
    return number((tests.get(run.declared.test_name) or {}).get("accuracy"))


def _gain(run: RunRecord, place: int) -> float | None:
    before, after = _accuracy(run, 0), _accuracy(run, place)
    return None if before is None or after is None else after - before


def _ahead(run: RunRecord, baseline: Mapping[int, RunRecord], place: int) -> float | None:
    mine, other = _gain(run, place), baseline.get(run.labels.seed)
    theirs = None if other is None else _gain(other, place)
    return None if mine is None or theirs is None else mine - theirs


def _reward_gain(run: RunRecord, place: int) -> float | None:
    """How much more reward the problems of a stage's kind earn after it than after the warm-up."""
    name = str(run.stages[place].get("name"))
    before, after = (number(((run.stages[at].get("held_out") or {}).get(name) or {}).get("reward")) for at in (0, place))
    return None if before is None or after is None else after - before


def _level(runs: list[RunRecord], place: int, measure: Measure, *, label: str) -> Estimate | None:
    """The mean over seeds after a stage. Where that is what the runs came to in the end it has the interval that every table has."""
    levels = [_accuracy(run, place) for run in runs]
    if all(level is not None and level == run.test(measure.name) for level, run in zip(levels, runs, strict=True)):
        return scores.on_test(runs, measure)
    counts = [number(((run.stages[place].get("tests") or {}).get(run.declared.test_name) or {}).get("count")) for run in runs]
    known = [level for level in levels if level is not None]
    return _estimate(known, kind="share", label=label, examples=int(min(count for count in counts if count)) if any(counts) else None)


def _over(runs: list[RunRecord], value: Callable[[RunRecord], float | None], *, kind: Kind, label: str) -> Estimate | None:
    """The mean over seeds of what each run gained, with the interval for new seeds; without one where all gained the same."""
    levels = [level for run in runs if (level := value(run)) is not None]
    found = _estimate(levels, kind=kind, label=label)
    return None if found is None else without_empty_interval(found)


def _estimate(levels: list[float], *, kind: Kind, label: str, examples: int | None = None) -> Estimate | None:
    sample = from_levels(levels, kind=kind, examples=examples)
    return None if sample is None else calibrated.level(sample, random=named_random("practice", label, *(f"{v:.9f}" for v in levels)))
