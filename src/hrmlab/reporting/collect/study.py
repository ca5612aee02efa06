"""A study as the report sees it: the runs that count by task, arm and seed, the parts that arms play, and what is missing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from hrmlab.core.measures import Measure, Words
from hrmlab.reporting.collect.left_out import ListedRun, left_out_sentence
from hrmlab.reporting.collect.records import RunRecord
from hrmlab.reporting.collect.roles import Roles
from hrmlab.reporting.collect.selection import Selection

T = TypeVar("T")


@dataclass(frozen=True)
class TaskRuns:
    """The completed runs of one task at one size.

    Attributes:
        label: the task, with its size where the study has several.
        arms: arm -> seed -> run, in the study's order of arms.
    """

    label: str
    task: str
    size: str
    arms: dict[str, dict[int, RunRecord]]

    def once(self, name: str, compute: Callable[[], T]) -> T:
        """What tables, figures and charts all ask of these runs, and what takes long, is computed once.

        Args:
            name: tells it from everything else that is kept here.
        """
        if name not in self._kept:
            self._kept[name] = compute()
        return self._kept[name]

    @cached_property
    def _kept(self) -> dict[str, Any]:
        return {}

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """All seeds that any arm has."""
        return tuple(sorted({seed for runs in self.arms.values() for seed in runs}))

    def runs(self, arm: str) -> list[RunRecord]:
        """The runs of an arm by seed; empty when the arm has none here."""
        return [run for _, run in sorted(self.arms.get(arm, {}).items())]

    @cached_property
    def measure(self) -> Measure:
        """What counts here; where runs do not agree, the first measure declared that all of them have. Runs that leak have no say."""
        asked = [run for run in self if not run.leaks] or list(self)
        if len({run.measure.name for run in asked}) == 1:
            return asked[0].measure
        shared = [measure for measure in self.measures if all(run.test(measure.name) is not None for run in asked)]
        return next(iter(shared), asked[0].measure)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """All measures that any run declares, each once, in their order; those of runs that do not leak first."""
        found: dict[str, Measure] = {}
        for run in sorted(self, key=lambda run: bool(run.leaks)):
            for measure in run.declared.measures:
                found.setdefault(measure.name, measure)
        return tuple(found.values())

    @property
    def words(self) -> Words:
        """What the task calls its things, as its first run has it."""
        return next(iter(self)).words

    @property
    def test_name(self) -> str:
        """The test split's name beside further test sets."""
        return next((run.declared.test_name for run in self if run.declared.test_name != "test"), "test")

    @cached_property
    def halts(self) -> bool:
        """Whether any network stopped some examples earlier than others."""
        return any(run.halts for run in self)

    def leaks(self, arm: str) -> tuple[str, ...]:
        """How an arm sees the future, in the sentences of the first seed's audit that found it; one seed that does is enough."""
        return self._leaks.get(arm, ())

    @cached_property
    def _leaks(self) -> dict[str, tuple[str, ...]]:
        return {arm: next((tuple(dict.fromkeys(run.leaks)) for run in self.runs(arm) if run.leaks), ()) for arm in self.arms}

    def name(self, arm: str) -> str:
        """The arm as inline Markdown, marked where it leaks."""
        return f"`{arm}` **LEAKS**" if self.leaks(arm) else f"`{arm}`"

    def plain_name(self, arm: str) -> str:
        """The arm in plain text, marked where it leaks."""
        return f"{arm} LEAKS" if self.leaks(arm) else arm

    def __iter__(self) -> Iterator[RunRecord]:
        return (run for runs in self.arms.values() for _, run in sorted(runs.items()))


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a report is about.

    Attributes:
        roles: the baseline and what the arms declare to be.
        arms: all arms with a completed run: subjects first, then the baseline, then the others.
        subjects: the arms whose merit is in question.
        listed: runs that do not count.
        gaps: sentences about arms and seeds that are missing somewhere.
        names: of the studies, one or several.
        selection: the part of them that is shown.
        launches: what was read; keeps the folders of runs from archives.
        question: what the study asks, in a sentence; empty where its runs do not say.
        limits: what it cannot say, likewise.
    """

    name: str
    output_root: Path
    roles: Roles
    arms: tuple[str, ...]
    subjects: tuple[str, ...]
    tasks: tuple[TaskRuns, ...]
    listed: tuple[ListedRun, ...] = field(default=())
    gaps: tuple[str, ...] = field(default=())
    names: tuple[str, ...] = field(default=())
    selection: Selection = field(default=Selection())
    launches: object = field(default=None, repr=False)
    question: str = ""
    limits: str = ""

    @property
    def baseline(self) -> str | None:
        """The arm that all others are compared to."""
        return self.roles.baseline

    @property
    def runs(self) -> list[RunRecord]:
        """All runs that count."""
        return [run for task in self.tasks for run in task]

    @property
    def left_out(self) -> str:
        """What is not shown: the part that was selected, and the runs that do not count; empty where all runs of a study are shown."""
        sentences = (self.selection.told(self.names), left_out_sentence(self.listed, counted=len(self.runs)))
        return " ".join(sentence for sentence in sentences if sentence)


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as dotted key -> value."""
    result: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            result.update(flat(value, f"{prefix}{key}."))
        else:
            result[f"{prefix}{key}"] = value
    return result
