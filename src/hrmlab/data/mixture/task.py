"""The task that is several tasks."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Words
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits
from hrmlab.data.mixture.augmentation import Augmented, MixtureAugmentation
from hrmlab.data.mixture.part import Part, make_parts
from hrmlab.data.task import Answers, Augmentation, Judgement, Task
from hrmlab.data.trivial import Trivial

_LONGEST_NAME = 80


class MixtureTask(Task):
    """Several tasks in one run.

    A row is the marker of its task, the task's own row, and 0 up to the longest; V is the largest vocabulary and a marker for each task.
    Tokens are shared: what 3 stands for depends on the task, which marker and puzzle id tell.

    Args:
        tasks: names of tasks, or their keys with ``name`` among them, such as ``{name: sudoku, side: 4}``; a class of your own with
            ``_target_``. Each is drawn as often as its share of all training examples.

    Raises:
        UserError: no tasks, an entry that is none, or tasks that do not go together.
    """

    measures = (EXACT_ACCURACY, CELL_ACCURACY)
    words = Words(example="example", token="cell", answer="answer")

    def __init__(self, *, tasks: list[str | dict] | None = None) -> None:
        if not tasks:
            raise UserError("data=mixture needs data.tasks=<a list of tasks, such as [{name: sudoku, side: 4}, {name: maze, side: 6}]>")
        self._parts = make_parts(tasks)
        specs, last = [part.task.spec for part in self._parts], self._parts[-1]
        names = "+".join(part.name for part in self._parts)
        self.spec = TaskSpec(
            name=names if len(names) <= _LONGEST_NAME else f"mixture_of_{len(self._parts)}",
            sequence_length=1 + max(spec.sequence_length for spec in specs),
            vocabulary_size=last.marker + 1,
            puzzle_ids=last.first_puzzle_id + last.task.spec.puzzle_ids,
            attention=specs[0].attention,
        )
        self.measures = (EXACT_ACCURACY, CELL_ACCURACY, *(measure for part in self._parts for measure in part.measures()))

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`: the tasks' splits one after the other; further tests by themselves."""
        loaded = [part.task.load(progress=progress) for part in self._parts]
        dropped: Counter[str] = Counter()
        for splits in loaded:
            dropped.update(splits.dropped)
        rules = [f"{part.name}: {splits.class_rule}" for part, splits in zip(self._parts, loaded, strict=True)]
        shared = [
            f"{part.name}: {splits.shared_on_purpose}" for part, splits in zip(self._parts, loaded, strict=True) if splits.shared_on_purpose
        ]
        protocols = [f"{part.name}: {splits.protocol}" for part, splits in zip(self._parts, loaded, strict=True) if splits.protocol]
        sources = list(dict.fromkeys(splits.source for splits in loaded))
        return Splits(
            train=self._joined([splits.train for splits in loaded]),
            validation=self._joined([splits.validation for splits in loaded]),
            test=self._joined([splits.test for splits in loaded]),
            other_tests={
                f"{name}_{part.name}": part.into_common(examples, self.spec.sequence_length, first_group=0)
                for part, splits in zip(self._parts, loaded, strict=True)
                for name, examples in splits.other_tests.items()
            },
            class_rule="; ".join(rules),
            source=" and ".join(sources),
            shared_on_purpose="; ".join(shared),
            protocol="; ".join(protocols),
            dropped=dict(dropped),
        )

    def _joined(self, sets: list[ExampleSet]) -> ExampleSet:
        parts, first_group = [], 0
        for part, examples in zip(self._parts, sets, strict=True):
            parts.append(part.into_common(examples, self.spec.sequence_length, first_group=first_group))
            first_group += int(examples.groups.max(initial=-1)) + 1
        return ExampleSet(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in ExampleSet.__dataclass_fields__})

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`: a file of one task, with the task's name and a colon before it."""
        part, rest = self._named(str(path), "data.path", "FILE")
        return part.into_common(part.task.read(rest, labelled=labelled), self.spec.sequence_length, first_group=0)

    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """See :meth:`hrmlab.data.task.Task.augmentation`: each task's own."""
        shares, first_row = [], 0
        for part in self._parts:
            rows = part.out_of_common(train)
            own = part.task.augmentation(rows)
            if own is not None:
                shares.append(Augmented(own, first_row, len(rows), part.task.spec.sequence_length, part.first_puzzle_id))
            first_row += len(rows)
        return MixtureAugmentation(shares) if shares else None

    def facts(self) -> dict[str, Any]:
        """What each task records."""
        return {"tasks": {part.name: part.task.facts() for part in self._parts}}

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`: the solvers that every task has, each answering by its own task's examples."""
        by_part = [
            {solver.name: solver for solver in part.task.trivial(part.out_of_common(train), part.out_of_common(test))}
            for part in self._parts
        ]
        found = []
        for name, solver in by_part[0].items():
            if all(name in solvers for solvers in by_part):
                answers = np.zeros_like(test.labels)
                for part, solvers in zip(self._parts, by_part, strict=True):
                    answers[part.mine(test.puzzle_ids)] = part.common(solvers[name].answers, answers.shape[1], first=0, filling=0)
                found.append(Trivial(name=name, meaning=f"in each task: {solver.meaning}", answers=answers))
        return found

    def judge(self, examples: ExampleSet, answers: Answers) -> Judgement:
        """See :meth:`hrmlab.data.task.Task.judge`: every task's own measures over its own examples."""
        measured: dict[str, Any] = {}
        for part in self._parts:
            measured |= part.measured(examples, answers)
        return Judgement(measured=measured)

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool | None:
        """See :meth:`hrmlab.data.task.Task.is_right`: by the rules of the row's own task."""
        part = self._part_of(inputs)
        return None if part is None else part.task.is_right(part.own(inputs), part.own(prediction))

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: the task's name, a colon, and a question of that task."""
        part, rest = self._named(text, "the question", "QUESTION")
        return part.common(part.task.from_text(rest.strip()), self.spec.sequence_length, first=part.marker, filling=0)

    def to_text(self, tokens: np.ndarray) -> str:
        """The task's name and a colon before the text in its own notation; token ids where a row begins with no marker."""
        part = self._part_of(tokens)
        return " ".join(map(str, tokens.tolist())) if part is None else f"{part.name}: {part.task.to_text(part.own(tokens))}"

    def answer_text(self, inputs: np.ndarray, labels: np.ndarray) -> str:
        """See :meth:`hrmlab.data.task.Task.answer_text`: as the row's own task writes it."""
        part = self._part_of(inputs)
        return "" if part is None or (labels == IGNORED_LABEL).all() else part.task.answer_text(part.own(inputs), part.own(labels))

    def completed(self, inputs: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.completed`: with the marker of the question, and as the row's own task shows it."""
        part = self._part_of(inputs)
        if part is None:
            return answer
        own = part.task.completed(part.own(inputs), part.own(answer))
        return part.common(own, len(inputs), first=part.marker, filling=0)

    def _part_of(self, tokens: np.ndarray) -> Part | None:
        return next((part for part in self._parts if part.marker == tokens[0]), None)

    def _named(self, text: str, what: str, example: str) -> tuple[Part, str]:
        name, colon, rest = text.partition(":")
        part = next((part for part in self._parts if colon and part.name == name.strip()), None)
        if part is None:
            names = ", ".join(part.name for part in self._parts)
            raise UserError(f"{what} '{text[:40]}' does not say its task; write NAME:{example} where NAME is one of {names}")
        return part, rest
