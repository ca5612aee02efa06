"""Arm against arm on each task, and what may be said about it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hrmlab.core.measures import EXACT_ACCURACY, Measure
from hrmlab.reporting.collect.study import Study, TaskRuns
from hrmlab.reporting.compare import scores
from hrmlab.reporting.compare.leaks import MARK
from hrmlab.reporting.compare.pairing import pair_outcomes
from hrmlab.statistics.correction import holm
from hrmlab.statistics.paired import BootstrapDifference, McNemar, PairedDifference, bootstrap_difference, mcnemar, paired_difference

Finding = Literal["better", "worse", "cannot tell", "no verdict", "LEAKS"]
SIGNIFICANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The measure that counts, of ``arm`` minus that of ``opponent`` on one task's test split, over the seeds that both have.

    Attributes:
        measure: what is compared.
        leaking: which of the two arms see the future; no claim is made then, and the comparison takes no part in the correction.
        accuracies: means of the two arms over their common seeds; None without one.
        over_seeds: paired t test over seeds; None without a common seed.
        over_examples: bootstrap over seeds and test examples; None where the outcomes cannot be paired.
        per_seed: seed -> McNemar's exact test on that seed's two networks, where an example is solved or not.
        p_value: the larger of the two p values, so that a claim needs both; None with one seed or a leak.
        corrected: the same after Holm's correction over all comparisons of the study.
        unpaired: why examples could not be paired; empty when they could.
    """

    task: str
    arm: str
    opponent: str
    accuracies: tuple[float, float] | None
    over_seeds: PairedDifference | None
    over_examples: BootstrapDifference | None
    per_seed: dict[int, McNemar]
    p_value: float | None
    corrected: float | None = None
    unpaired: str = ""
    measure: Measure = EXACT_ACCURACY
    leaking: tuple[str, ...] = ()

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
        """What the data say of ``arm``; "no verdict" where there are not even two common seeds, LEAKS where they say nothing."""
        if self.leaking:
            return "LEAKS"
        if self.over_seeds is None or self.corrected is None:
            return "no verdict"
        if self.corrected >= SIGNIFICANCE:
            return "cannot tell"
        return "better" if self.is_gain(self.over_seeds.estimate.value) else "worse"


def compare(study: Study) -> tuple[Comparison, ...]:
    """Every arm against the baseline, and every arm in question against every other control, task by task, corrected together."""
    found = [_compare(task, arm, opponent) for task in study.tasks for arm, opponent in _pairs(study)]
    corrected = holm([comparison.p_value for comparison in found])
    return tuple(replace(comparison, corrected=value) for comparison, value in zip(found, corrected, strict=True))


def _pairs(study: Study) -> Iterator[tuple[str, str]]:
    if study.baseline in study.arms:
        yield from ((arm, study.baseline) for arm in study.arms if arm != study.baseline)
    controls = [arm for arm in study.arms if arm not in study.subjects and arm != study.baseline]
    yield from ((arm, control) for arm in study.subjects for control in controls)


def _compare(task: TaskRuns, arm: str, opponent: str) -> Comparison:
    ours, theirs, measure = task.arms.get(arm, {}), task.arms.get(opponent, {}), task.measure
    levels = {
        seed: (a, b)
        for seed in sorted(set(ours) & set(theirs))
        if (a := ours[seed].test(measure.name)) is not None and (b := theirs[seed].test(measure.name)) is not None
    }
    over_seeds = paired_difference(
        {seed: level for seed, (level, _) in levels.items()},
        {seed: level for seed, (_, level) in levels.items()},
        resolution=max((scores.resolution(ours[seed].result, measure) for seed in levels), default=0.0),
    )
    leaking = tuple(name for name in (arm, opponent) if task.leaks(name))
    paired, unpaired = pair_outcomes({seed: (ours[seed], theirs[seed]) for seed in levels}, measure)
    over_examples = bootstrap_difference(
        [pair.arm for pair in paired.values()],
        [pair.opponent for pair in paired.values()],
        same_examples=len({pair.examples for pair in paired.values()}) == 1,
        random=_random(task.label, arm, opponent),
    )
    p_value = over_seeds.p_value if over_seeds and not leaking else None
    if p_value is not None and over_examples is not None:
        p_value = max(p_value, over_examples.p_value)
    return Comparison(
        task=task.label,
        arm=arm,
        opponent=opponent,
        accuracies=None if not levels else tuple(np.mean(list(levels.values()), axis=0).tolist()),
        over_seeds=over_seeds,
        over_examples=over_examples,
        per_seed={seed: mcnemar(pair.arm, pair.opponent) for seed, pair in paired.items() if pair.arm.dtype == bool},
        p_value=p_value,
        unpaired=unpaired,
        measure=measure,
        leaking=leaking,
    )


def _random(*labels: str) -> np.random.Generator:
    """A generator of its own for each comparison, the same in every report."""
    return np.random.default_rng(int.from_bytes(hashlib.blake2b("\x1f".join(labels).encode(), digest_size=8).digest(), "little"))
