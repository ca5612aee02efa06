"""One task of a mixture: its rows inside the common ones and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hrmlab.config.location import choices, config_file
from hrmlab.config.validation import validate_section
from hrmlab.config.values import nearest
from hrmlab.core.components import build
from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.core.yaml_text import parse_yaml
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.fingerprint import mix
from hrmlab.data.task import Answers, Task


@dataclass(frozen=True, kw_only=True)
class Part:
    """A task among others. A common row is the task's marker, the task's own row, and 0 up to the common length.

    Attributes:
        name: as it stands in measures and before texts.
        task: itself.
        marker: the token that rows of this task begin with.
        first_puzzle_id: that of the task's own id 0.
    """

    name: str
    task: Task
    marker: int
    first_puzzle_id: int

    def mine(self, puzzle_ids: np.ndarray) -> np.ndarray:
        """(N,) bool: the examples of this task among others."""
        return (puzzle_ids >= self.first_puzzle_id) & (puzzle_ids < self.first_puzzle_id + self.task.spec.puzzle_ids)

    def own(self, tokens: np.ndarray) -> np.ndarray:
        """(..., S) common rows as the task's own."""
        return tokens[..., 1 : 1 + self.task.spec.sequence_length]

    def common(self, tokens: np.ndarray, length: int, *, first: int, filling: int) -> np.ndarray:
        """(..., S of the task) rows as common ones of this length."""
        rows = np.full((*tokens.shape[:-1], length), filling, np.int32)
        rows[..., 0] = first
        rows[..., 1 : 1 + tokens.shape[-1]] = tokens
        return rows

    def into_common(self, examples: ExampleSet, length: int, *, first_group: int) -> ExampleSet:
        """The task's examples as common ones. Ratings are left out, for those of different tasks have nothing in common."""
        return replace(
            examples,
            inputs=self.common(examples.inputs, length, first=self.marker, filling=0),
            labels=self.common(examples.labels, length, first=IGNORED_LABEL, filling=IGNORED_LABEL),
            puzzle_ids=examples.puzzle_ids + np.int32(self.first_puzzle_id),
            ratings=np.full_like(examples.ratings, np.nan),
            classes=mix(examples.classes ^ np.uint64(self.marker)),
            groups=np.where(examples.groups < 0, -1, examples.groups + first_group).astype(np.int32),
            sources=np.full(len(examples), self.name),
        )

    def out_of_common(self, examples: ExampleSet) -> ExampleSet:
        """The task's own examples among common ones, less what :meth:`into_common` leaves out."""
        kept = examples.select(self.mine(examples.puzzle_ids))
        own_ids = kept.puzzle_ids - np.int32(self.first_puzzle_id)
        return replace(kept, inputs=self.own(kept.inputs), labels=self.own(kept.labels), puzzle_ids=own_ids)

    def measures(self) -> list[Measure]:
        """What the task measures, under its name; none counts by itself."""
        own = {measure.name: measure for measure in (*self.task.measures, EXACT_ACCURACY, CELL_ACCURACY)}
        return [
            replace(
                measure,
                name=f"{self.name}_{measure.name}",
                wording=f"{measure.wording} on {self.name}",
                meaning=f"{measure.meaning} (of {self.name} alone)",
                counts=False,
                column=None,
            )
            for measure in own.values()
        ]

    def measured(self, examples: ExampleSet, answers: Answers) -> dict[str, float]:
        """What the task's examples among common ones come to, by the names of :meth:`measures`; empty where there are none."""
        chosen = self.mine(examples.puzzle_ids)
        if not chosen.any():
            return {}
        own = self.out_of_common(examples)
        said = Answers(self.own(answers.fixed[chosen]), self.own(answers.halting[chosen]), answers.confidence[chosen])
        judged = self.task.judge(own, said).measured
        values = {**self._means(own, said.fixed), **{f"halting/{name}": value for name, value in self._means(own, said.halting).items()}}
        values |= {name: value for name, value in judged.items() if isinstance(value, float)}
        known = {measure.name.removeprefix(f"{self.name}_"): measure for measure in self.measures()}
        found = {}
        for name, measure in known.items():
            if name in values:
                found[measure.name] = values[name]
            if measure.halting and f"halting/{name}" in values:
                found[f"halting/{measure.name}"] = values[f"halting/{name}"]
        return found

    def _means(self, examples: ExampleSet, answers: np.ndarray) -> dict[str, float]:
        asked = examples.labels != IGNORED_LABEL
        right = answers == examples.labels
        scores = self.task.score(examples.inputs, examples.labels, answers)
        return {
            EXACT_ACCURACY.name: float((right | ~asked).all(axis=1).mean()),
            CELL_ACCURACY.name: float(right[asked].mean()) if asked.any() else 0.0,
            **{name: float(values.mean(dtype=np.float64)) for name, values in scores.items()},
        }


def make_parts(entries: Sequence[str | Mapping[str, Any]]) -> list[Part]:
    """The tasks of a mixture.

    Args:
        entries: names of ``conf/data``, or keys of such a file with ``name`` (or the ``_target_`` of a class) among them.

    Raises:
        UserError: an entry is no task, or tasks do not go together.
    """
    tasks = [_task(entry, f"data.tasks[{number}]") for number, entry in enumerate(entries)]
    first = tasks[0].spec
    for task in tasks:
        if task.spec.next_token or task.spec.document_start is not None:
            raise UserError(
                f"data=mixture takes tasks whose answers stand in the places asked, and {task.spec.name} asks for next tokens; leave it out"
            )
        if task.spec.attention != first.attention:
            raise UserError(
                f"data=mixture takes tasks of one kind of attention; {first.name} has {first.attention}, {task.spec.name} "
                f"{task.spec.attention}"
            )
    vocabulary = max(task.spec.vocabulary_size for task in tasks)
    names = [task.spec.name for task in tasks]
    parts, puzzle_id = [], 0
    for number, (task, name) in enumerate(zip(tasks, names, strict=True)):
        own = name if names.count(name) == 1 else f"{name}_{1 + names[:number].count(name)}"
        parts.append(Part(name=own, task=task, marker=vocabulary + number, first_puzzle_id=puzzle_id))
        puzzle_id += task.spec.puzzle_ids
    return parts


def _task(entry: str | Mapping[str, Any], path: str) -> Task:
    given = {"name": entry} if isinstance(entry, str) else dict(entry)
    name = given.get("name")
    if "_target_" not in given:
        file = config_file("data", str(name)) if name else None
        if file is None or name == "mixture":
            known = [choice for choice in choices("data") if choice != "mixture"]
            guess = nearest(str(name), known) if name else None
            hint = f"did you mean {guess}?" if guess else f"use {', '.join(known)}, or a class of your own with _target_"
            raise UserError(f"{path}.name={name} is no task; {hint}" if name else f"{path} has no name; {hint}")
        given = {**parse_yaml(file.read_text(encoding="utf-8")), **given}
    try:
        return build(validate_section("data", {"name": "part", **given}))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
