"""What every task offers to training, evaluation and audits. A task is one folder here and one file in conf/data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.board import Board
from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure, Words
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.sheets import Panel, Sheet
from hrmlab.core.symmetry import Symmetry
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.fingerprint import row_hash
from hrmlab.data.trivial import Trivial, copying, majority
from hrmlab.data.written.problems import WrittenProblems


class Augmentation(ABC):
    """Random symmetries applied to a batch on its own device, without synchronising with the host."""

    @abstractmethod
    def to(self, device: torch.device | str) -> "Augmentation":
        """The same augmentation with its tables on ``device``."""

    @abstractmethod
    def __call__(self, batch: Batch, rows: Tensor, random: CounterRandom) -> Batch:
        """Transform each example by a symmetry drawn from its own random numbers.

        Args:
            batch: B examples, int64; puzzle ids may be changed as well.
            rows: (B,) int64 row of each example in the training set.
            random: numbers for the B draws.
        """


class Answers(NamedTuple):
    """What a reasoner said of every example of a split, in the order of its rows.

    Attributes:
        fixed: (N, S) int token ids after all segments.
        halting: (N, S) int token ids at learned halting.
        confidence: (N,) float, the halting head's score of the answer at learned halting; NaN without such a head.
    """

    fixed: np.ndarray
    halting: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Judgement:
    """What a split came to as a whole.

    Attributes:
        measured: declared measure -> value; ``<name>_interval``: [low, high] where it has one; further JSON values as details.
        columns: name -> (N,) outcome of every example, for predictions.parquet.
        count: how many things were judged where that is not the number of examples (ARC: tasks, not views); None otherwise.
    """

    measured: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    count: int | None = None


class Task(ABC):
    """A family of examples with its data. ``spec`` is complete right after construction.

    Attributes:
        spec: what a model is built from.
        measures: what its splits are scored by, the ones of its own first; one counts.
        words: what it calls its things.
        answer_rule: which answers count as the same in ``answer_classes``, in a few words.
        palette: symbol of ``to_text`` -> colour ``#rrggbb``, where cells are colours to people; empty otherwise.
        outside: the symbol of cells beyond a grid that is smaller than ``spec.grid``, at its right and below, then those that mark its end;
            empty where there are none.
        board: how a person writes a question cell by cell; None where questions are no grid, or are not made by hand.
    """

    spec: TaskSpec
    measures: tuple[Measure, ...] = (EXACT_ACCURACY, CELL_ACCURACY)
    words: Words = Words()
    answer_rule: str = "answers as they stand"
    palette: Mapping[str, str] = MappingProxyType({})
    outside: str = ""
    board: Board | None = None

    @property
    def name(self) -> str:
        """``spec.name``; a task whose spec takes long to make knows its name without it."""
        return self.spec.name

    # ---- data --------------------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def load(self, *, progress: bool = True) -> Splits:
        """Generate (or take from the cache) or read the three sets: validated, disjoint by symmetry class.

        Args:
            progress: show a bar while generating, if the terminal can.

        Raises:
            UserError: impossible parameters, or a bad file; the sentence names row and reason.
        """

    @abstractmethod
    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """Every row of a user's own file, in order. Without ``labelled`` answers are not needed and all labels are ignored.

        Raises:
            UserError: a bad file or row.
        """

    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """The random symmetries for this training set; None where the task has none or they are off."""
        return None

    def symmetry(self, inputs: Tensor, random: CounterRandom) -> Symmetry | None:
        """Random symmetries of questions (B, S) under which the image of a right answer is a right answer to the image.

        With them an answer may be a vote over several views of a question (``evaluation.views``). Unlike an augmentation they know nothing
        of the training set and need no answers.

        Returns:
            None where the task has none.
        """
        return None

    def facts(self) -> dict[str, Any]:
        """What a run records of the task in data.json beyond its splits (a tokenizer's fingerprint); JSON values, equal on every load."""
        return {}

    def answer_classes(self, labels: np.ndarray) -> np.ndarray:
        """(N,) uint64 fingerprints of (N, S) answers, equal where knowing one answer is knowing the other.

        What the training answers share with those of the test is how far remembering answers, without solving anything, can reach.
        """
        return row_hash(labels)

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """Solvers without skill, for what their answers score: copying, and the most frequent token. Tasks add those of their own rules.

        Args:
            train: the training split.
            test: the examples to answer, of the test split.
        """
        next_token, token = self.spec.next_token, self.words.token
        return [copying(test, next_token=next_token, token=token), *majority(train, test, next_token=next_token, token=token)]

    def easier(self, examples: ExampleSet, *, left: int) -> ExampleSet | None:
        """The same questions with a part of their answer given away, so that ``left`` tokens of each are still to be found.

        What a solver that understood the task cannot fail on where it solves the whole question. A question with less to find than that is
        left out; what is left to find with fewer tokens is part of what is left with more.

        Args:
            examples: questions with their answers.
            left: tokens to be found, from 1.

        Returns:
            None where the task has no such questions: an answer of another kind than its question cannot be given away in part.
        """
        return None

    # ---- text --------------------------------------------------------------------------------------------------------------------------

    @abstractmethod
    def to_text(self, tokens: np.ndarray) -> str:
        """(S,) token ids as one line in the notation of the task's files."""

    def from_text(self, text: str) -> np.ndarray:
        """(S,) int32 token ids of one question in the notation of the task's files. Reads nothing but the text: it may be a stranger's.

        Raises:
            UserError: it is no question of this task.
        """
        raise UserError(f"{self.spec.name} has no notation for a single {self.words.example}; give a file")

    def questions(self, text: str) -> ExampleSet:
        """What a person asks in one text, with labels and puzzle ids where they are known: by default the one question of ``from_text``.

        Raises:
            UserError: it is no question of this task.
        """
        inputs = self.from_text(text)[None]
        return make_set(inputs=inputs, labels=np.full_like(inputs, IGNORED_LABEL), classes=np.zeros(1, np.uint64))

    def shown_with(self, puzzle_id: int) -> tuple[tuple[Panel, ...], ...]:
        """What a person has to see beside a question with this puzzle id to understand it, in rows: demonstrations; empty for none."""
        return ()

    def answer_text(self, inputs: np.ndarray, labels: np.ndarray) -> str:
        """The right answer as one line: what (S,) ``labels`` ask, and where that is a part of a grid, the rest of it from ``inputs``."""
        asked = labels != IGNORED_LABEL
        if not asked.any():
            return ""
        return self.to_text(labels[asked] if self.spec.next_token else np.where(asked, labels, inputs))

    def completed(self, inputs: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """(S,) what people are shown of an answer (S,) to a question (S,): by default all of it; where only a part of a row is asked, what
        the question gives and the answer in the places that are asked."""
        return answer

    def show(self, tokens: np.ndarray) -> str:
        """(S,) token ids as a person looks at them; several lines for a grid."""
        text = self.to_text(tokens)
        if self.spec.grid is None or len(text) != self.spec.sequence_length:
            return text
        rows, columns = self.spec.grid
        return "\n".join(text[row * columns : (row + 1) * columns] for row in range(rows))

    # ---- scoring -----------------------------------------------------------------------------------------------------------------------

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """Judge single predictions by the task's own rules; each name is a declared measure, its value the mean.

        Args:
            inputs, labels, predictions: (N, S) token ids.

        Returns:
            named (N,) bool or float arrays; may be empty.
        """
        return {}

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool | None:
        """Whether an answer (S,) to a question (S,) is right by the task's rules alone, without a label; None where they do not say."""
        return None

    def judge(self, examples: ExampleSet, answers: Answers) -> Judgement:
        """Judge a split as a whole, where examples do not count one by one: votes over augmented views, best of two attempts.

        Args:
            examples: the N examples of the split.
            answers: what was said of them.
        """
        return Judgement()

    def sheets(self, examples: ExampleSet, answers: Answers) -> list[Sheet]:
        """What to draw of a split's answers, one picture for each thing that is judged; empty for tasks that draw nothing of their own."""
        return []

    def written(self) -> WrittenProblems | None:
        """The problems of each split that are answered by writing text and judged by running it; None for tasks that have none."""
        return None
