"""Arm against arm on each task, and what may be said about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hrmlab.core.measures import EXACT_ACCURACY, Measure
from hrmlab.reporting import text
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import pairing
from hrmlab.reporting.compare.leaks import MARK
from hrmlab.statistics.calibrated import Difference, detectable, difference, paired_difference
from hrmlab.statistics.correction import holm
from hrmlab.statistics.groups import two_groups
from hrmlab.statistics.intervals import Estimate
from hrmlab.statistics.samples import Sample

Finding = Literal[
    "better", "worse", "no difference", "inconclusive", "floor", "ceiling", "two groups", "exploratory", "no verdict", "LEAKS"
]
SIGNIFICANCE = 0.05
NEXT_TO_NOTHING = 0.02
"""Where both arms solve less than this, nobody solves anything; where both fail at less, everybody solves everything."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The measure that counts, of ``arm`` minus that of ``opponent`` on one task's test split.

    Attributes:
        measure: what is compared.
        leaking: which of the two arms see the future; no claim is made then, and the comparison takes no part in the correction.
        levels: means of the two arms over their seeds; None where one of them has no result.
        estimate: the difference with its calibrated 95 % interval; without ends where an arm has one seed, or seeds in two groups.
        p_value: of no difference, by the same test; None where there is no interval, or a leak.
        corrected: the same after Holm's correction over all comparisons that the study asks for; None for the others.
        equivalent: p value of a difference of at least the margin, corrected likewise.
        asked: whether the study asks for it; what it does not ask for is exploratory and claims nothing.
        detectable: the smallest difference that these seeds and examples find with a probability of 80 %, after the correction.
        margin: the difference that is called none, in the unit of the measure (of shares 0.05 for 5 points).
        correlation: of the two arms' levels over their common seeds, from three of these on.
        per_seed: seed -> levels of both arms, for their common seeds.
        seeds: how many seeds each arm has.
        pairing: what was paired, for a reader: examples, seeds.
        unpaired: why examples could not be paired; empty when they could.
        grouped: the arms whose seeds fall into two groups.
    """

    task: str
    arm: str
    opponent: str
    measure: Measure = EXACT_ACCURACY
    leaking: tuple[str, ...] = ()
    levels: tuple[float, float] | None
    estimate: Estimate | None
    p_value: float | None
    corrected: float | None = None
    equivalent: float | None = None
    asked: bool = True
    detectable: float | None = None
    margin: float = 0.05
    correlation: float | None = None
    per_seed: dict[int, tuple[float, float]] = field(default_factory=dict)
    seeds: tuple[int, int] = (0, 0)
    pairing: str = ""
    unpaired: str = ""
    grouped: tuple[str, ...] = ()

    def name(self, arm: str) -> str:
        """One of the two arms as inline Markdown, marked where it leaks."""
        return f"`{arm}` {MARK}" if arm in self.leaking else f"`{arm}`"

    @property
    def pair(self) -> str:
        """Both names: ``arm`` minus ``opponent``."""
        return f"{self.name(self.arm)} − {self.name(self.opponent)}"

    @property
    def score(self) -> str:
        """What is compared, in words."""
        return self.measure.wording

    def is_gain(self, difference: float) -> bool:
        """Whether a difference speaks for ``arm``."""
        return difference > 0 if self.measure.larger_is_better else difference < 0

    @property
    def finding(self) -> Finding:
        """What the data say of ``arm``, in a word; :attr:`words` has the sentence."""
        if self.leaking:
            return "LEAKS"
        if self.estimate is None or self.levels is None or min(self.seeds) < 2:
            return "no verdict"
        if (extreme := self._extreme) is not None:
            return extreme
        if not self.asked:
            return "exploratory"
        if self.grouped:
            return "two groups"
        if self.corrected is not None and self.corrected < SIGNIFICANCE:
            return "better" if self.is_gain(self.estimate.value) else "worse"
        if self.equivalent is not None and self.equivalent < SIGNIFICANCE:
            return "no difference"
        return "inconclusive"

    @property
    def words(self) -> str:
        """The finding as a reader sees it: ``no difference larger than 5 points``, ``inconclusive: this study can see 12 points``."""
        unit = self.measure.unit
        seen = "" if self.detectable is None else f": this study can see {text.size(self.detectable, unit)}"
        said: dict[Finding, str] = {
            "no difference": f"no difference larger than {text.size(self.margin, unit)}",
            "inconclusive": f"inconclusive{seen}",
            "floor": "not a test: nobody solves anything",
            "ceiling": "not a test: everybody solves everything",
            "two groups": f"seeds fall into two groups ({text.listing([f'`{arm}`' for arm in self.grouped])})",
            "exploratory": "exploratory, no claim",
        }
        return said.get(self.finding, self.finding)

    @property
    def _extreme(self) -> Finding | None:
        """Where a task is too hard or too easy to tell any arms apart."""
        if self.levels is None or self.measure.unit != "share" or not self.measure.larger_is_better:
            return None
        if max(self.levels) < NEXT_TO_NOTHING:
            return "floor"
        return "ceiling" if min(self.levels) > 1 - NEXT_TO_NOTHING else None


def compare(study: Study) -> tuple[Comparison, ...]:
    """What the study asks, corrected together, and every other arm against the baseline, task by task; empty comparisons are left out."""
    asked = study.roles.asked_pairs(study.arms)
    others = [(arm, study.baseline) for arm in study.arms if study.baseline in study.arms and arm != study.baseline]
    pairs = list(dict.fromkeys([*asked, *((arm, other) for arm, other in others if other is not None and (other, arm) not in asked)]))
    found = [
        _compare(task, arm, opponent, asked=(arm, opponent) in asked, margin=study.roles.margin)
        for task in study.tasks
        for arm, opponent in pairs
        if arm in task.arms and opponent in task.arms
    ]
    family = [item for item in found if item.asked and item.p_value is not None]
    differing = dict(zip(map(id, family), holm([item.p_value for item in family]), strict=True))
    equal = dict(zip(map(id, family), holm([item.equivalent for item in family]), strict=True))
    return tuple(
        replace(
            item,
            corrected=differing.get(id(item)),
            equivalent=equal.get(id(item)),
            detectable=_detectable(item, comparisons=len(family) if id(item) in differing else 1),
        )
        for item in found
    )


def _detectable(item: Comparison, *, comparisons: int) -> float | None:
    found = None if item.estimate is None else detectable(item.estimate, comparisons=comparisons)
    return min(found, 1.0) if found is not None and item.measure.unit == "share" else found


def margin_words(study: Study) -> str:
    """The margin as a reader sees it: ``5 points``; of measures that are no shares it is a part of the opponent's level."""
    points = text.size(study.roles.margin / 100, "share")
    units = [task.measure.unit == "share" for task in study.tasks]
    return " or ".join([*([points] if any(units) else []), *([] if all(units) else [f"{study.roles.margin:g} % of the opponent's level"])])


def _compare(task: TaskRuns, arm: str, opponent: str, *, asked: bool, margin: float) -> Comparison:
    measure = task.measure
    ours, theirs = ({run.labels.seed: run for run in _with_result(task.runs(name), measure)} for name in (arm, opponent))
    leaking = tuple(name for name in (arm, opponent) if task.leaks(name))
    common = {seed: (ours[seed], theirs[seed]) for seed in sorted(set(ours) & set(theirs))}
    per_seed = {seed: (float(a.result[measure.name]), float(b.result[measure.name])) for seed, (a, b) in common.items()}
    empty = Comparison(
        task=task.label,
        arm=arm,
        opponent=opponent,
        measure=measure,
        leaking=leaking,
        levels=None,
        estimate=None,
        p_value=None,
        asked=asked,
        correlation=_correlation(per_seed),
        per_seed=per_seed,
        seeds=(len(ours), len(theirs)),
    )
    if not ours or not theirs:
        return empty
    levels = (_mean(ours, measure), _mean(theirs, measure))
    limit = margin / 100 * (1.0 if measure.unit == "share" else abs(levels[1]))
    found, paired, unpaired = _difference(task.label, list(ours.values()), list(theirs.values()), common, measure, margin=limit or None)
    if paired.startswith("seeds"):
        levels = (float(np.mean([a for a, _ in per_seed.values()])), float(np.mean([b for _, b in per_seed.values()])))
    grouped = tuple(name for name, runs in ((arm, ours), (opponent, theirs)) if _is_torn(runs, measure))
    estimate = replace(found.estimate, low=None, high=None) if grouped else found.estimate
    silent = bool(leaking or grouped)
    return replace(
        empty,
        levels=levels,
        estimate=estimate,
        p_value=None if silent else found.p_value,
        equivalent=None if silent else found.equivalence,
        margin=limit,
        pairing=paired,
        unpaired=unpaired,
        grouped=grouped,
    )


def _difference(
    label: str,
    ours: list[RunRecord],
    theirs: list[RunRecord],
    common: dict[int, tuple[RunRecord, RunRecord]],
    measure: Measure,
    *,
    margin: float | None,
) -> tuple[Difference, str, str]:
    """The difference, what was paired, and why examples were not."""
    random = pairing.named_random(label, ours[0].arm, theirs[0].arm)
    everyone = [*ours, *theirs]
    unpaired = pairing.why_no_outcomes(everyone, measure)
    one_test = not unpaired and pairing.same_examples(everyone)
    by_seed = not unpaired and not one_test and all(pairing.same_examples(pair) for pair in common.values())
    together = len(common) == len(ours) == len(theirs) and pairing.share_training_data(common)
    if len(common) > 1 and (together or by_seed):
        sample = pairing.differences(common, measure)
        assert sample is not None
        what = "seeds and examples" if not unpaired else "seeds"
        return paired_difference(sample, random=random, margin=margin), what, unpaired
    if not unpaired and not one_test:
        unpaired = "the two arms were tested on different examples"
    counting = pairing.counting_examples(everyone, measure) if one_test else None
    one, other = (_sample(runs, measure, counting, pair=one_test) for runs in (ours, theirs))
    return difference(one, other, random=random, margin=margin), "examples" if one_test else "nothing", unpaired


def _sample(runs: list[RunRecord], measure: Measure, counting: np.ndarray | None, *, pair: bool) -> Sample:
    sample = pairing.sample_of(runs, measure, counting=counting)
    assert sample is not None  # every run has a result
    return sample if pair else replace(sample, column=None)


def _with_result(runs: list[RunRecord], measure: Measure) -> Iterator[RunRecord]:
    return (run for run in runs if run.test(measure.name) is not None)


def _mean(runs: dict[int, RunRecord], measure: Measure) -> float:
    return float(np.mean([run.result[measure.name] for run in runs.values()]))


def _is_torn(runs: dict[int, RunRecord], measure: Measure) -> bool:
    return measure.unit == "share" and two_groups([float(run.result[measure.name]) for run in runs.values()]) is not None


def _correlation(per_seed: dict[int, tuple[float, float]]) -> float | None:
    """Pearson's, of the two arms' levels over common seeds; None with fewer than three, or where an arm does not vary."""
    levels = np.array(list(per_seed.values()))
    if len(levels) < 3 or (np.ptp(levels, axis=0) == 0).any():
        return None
    return float(np.corrcoef(levels.T)[0, 1])
