"""The task of reasoning-gym's generators."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure, Words
from hrmlab.core.task import IGNORED_LABEL, AttentionKind, TaskSpec
from hrmlab.data.completions import BLANK, END, Completions
from hrmlab.data.example_set import ExampleSet, Splits, check_counts, check_length, make_set
from hrmlab.data.fingerprint import row_hash
from hrmlab.data.reading import Table, read_table
from hrmlab.data.reasoning_gym.characters import ALPHABET, read_back, written_out
from hrmlab.data.reasoning_gym.generator import make_generator, version
from hrmlab.data.reasoning_gym.records import Question, draw_questions, generator_seed
from hrmlab.data.reasoning_gym.scorer import Scorer
from hrmlab.data.task import Task
from hrmlab.data.trivial import Trivial

CLASS_RULE = "equal questions"

SCORE = Measure(
    name="score",
    wording="mean score",
    meaning="the mean score, from 0 to 1, that reasoning-gym's own scorer gives",
    unit="number",
    counts=True,
    column="score",
    halting=True,
)
FULL_MARKS = Measure(
    name="full_marks",
    wording="full marks",
    meaning="the share of answers to which reasoning-gym's own scorer gives the score 1",
    column="full_marks",
    halting=True,
)


class ReasoningGymTask(Task):
    """Questions in plain text from one generator of the package reasoning-gym, character by character.

    Tokens: 0 blank, 1 end, then a line break and printable ASCII; other characters are written out. A row is the question, followed by
    blanks; asked are the answer's characters and its end, all at once.

    Args:
        dataset: one of the package's generators, such as ``chain_sum``.
        options: fields of that generator's configuration, such as ``{min_terms: 2}``; what is left out keeps its default.
        sequence_length: tokens in a row; None: those of the longest example. Longer examples are left out and counted.
        attention: ``full``; or ``causal``: the same rows, but a position sees only those before it and itself.
        train_examples, validation_examples, test_examples: None: 1000, 200 and 500, or as many as there are.
        seed: chooses the questions, apart from the seed of training.

    Raises:
        MissingExtra: the package is not installed.
        UserError: there is no dataset of this name, or its options do not do.
    """

    measures = (SCORE, FULL_MARKS, EXACT_ACCURACY, CELL_ACCURACY)
    words = Words(example="question", token="character", answer="answer", rating="characters of the answer")
    answer_rule = "answers with the same characters"

    def __init__(
        self,
        *,
        dataset: str = "chain_sum",
        options: dict | None = None,
        sequence_length: int | None = None,
        attention: Literal["full", "causal"] = "full",
        train_examples: int | None = None,
        validation_examples: int | None = None,
        test_examples: int | None = None,
        seed: int = 0,
    ) -> None:
        if sequence_length is not None and sequence_length < 3:
            raise UserError(f"data.sequence_length={sequence_length} holds no question and answer; give more")
        counts = {"train": train_examples, "validation": validation_examples, "test": test_examples}
        check_counts(**counts)
        self._dataset, self._options, self._seed = dataset, dict(options or {}), seed
        self._counts, self._sequence_length = counts, sequence_length
        self._attention: AttentionKind = attention
        make_generator(dataset, self._options, seed=0, size=1)  # what cannot be is said at once

    @property
    def name(self) -> str:
        """Known before the questions are."""
        return f"reasoning_gym_{self._dataset}"

    @cached_property
    def spec(self) -> TaskSpec:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The questions are made, or taken from the cache, for it: rows are as long as the longest."""
        return TaskSpec(
            name=self.name,
            sequence_length=self._rows.length,
            vocabulary_size=self._rows.vocabulary_size,
            attention=self._attention,
        )

    @cached_property
    def _found(self) -> tuple[list[Question], dict[str, int]]:
        longest = None if self._sequence_length is None else self._sequence_length - 1
        return draw_questions(name=self._dataset, options=self._options, counts=self._counts, longest=longest, seed=self._seed)

    @property
    def _drawn(self) -> list[Question]:
        return self._found[0]

    @cached_property
    def _by_text(self) -> dict[str, Question]:
        return {question.question: question for question in self._drawn}

    @cached_property
    def _rows(self) -> Completions:
        length = self._sequence_length or 1 + max(len(question.question) + len(question.answer) for question in self._drawn)
        check_length(length, where=f"data.dataset={self._dataset}")
        return Completions(alphabet=ALPHABET, length=length, blank="\u2591", end="\u25a0")

    @cached_property
    def _scorer(self) -> Scorer:
        size = 1 + max(question.index for question in self._drawn)
        return Scorer(name=self._dataset, options=self._options, seed=generator_seed(self._dataset, self._seed), size=size)

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`."""
        train, validation, test = (
            self._set([question for question in self._drawn if question.split == split]) for split in ("train", "validation", "test")
        )
        return Splits(train=train, validation=validation, test=test, class_rule=CLASS_RULE, source="generated", dropped=self._found[1])

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`: a table with the columns question and answer.

        A question that was not generated here is scored with nothing but its answer; where the scorer needs more, the row is refused.
        """
        table = read_table(path, labelled=labelled)
        read = self._read(table)
        if labelled:
            for row, question in enumerate(read):
                if question.question not in self._by_text and self._scorer.score(question, question.answer) < 1.0:
                    table.refuse(row, f"the scorer of data.dataset={self._dataset} does not give this answer full marks; leave it out")
            self._by_text |= {question.question: question for question in read}
        rows = self._set(read)
        if not labelled:
            rows.labels[:] = IGNORED_LABEL
        return rows

    def facts(self) -> dict[str, Any]:
        """The package's version, which generator, and its options."""
        return {"reasoning_gym": {"version": version(), "dataset": self._dataset, "options": self._options}}

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`: also the answer that training questions have most often."""
        answer, _ = Counter(question.answer for question in self._drawn if question.split == "train").most_common(1)[0]
        questions = [self._rows.text(inputs) for inputs in test.inputs]
        return [
            *super().trivial(train, test),
            Trivial(
                name="most frequent answer",
                meaning="every answer is the one that training questions have most often",
                answers=self._rows.answered(questions, [answer] * len(questions)),
            ),
        ]

    def answer_classes(self, labels: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.answer_classes`: answers by their characters, wherever in a row they stand."""
        asked = labels != IGNORED_LABEL
        return row_hash(np.take_along_axis(labels, np.argsort(~asked, axis=1, kind="stable"), axis=1))

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """The score of reasoning-gym's own scorer; 0 for an answer that never ends."""
        scores = np.array([self._score(*pair) for pair in zip(inputs, predictions, strict=True)], np.float64)
        return {"score": scores, "full_marks": scores >= 1.0}

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool | None:
        """See :meth:`hrmlab.data.task.Task.is_right`: full marks; None for a question that was not generated here."""
        return self._score(inputs, prediction) >= 1.0 if self._rows.text(inputs) in self._by_text else None

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: a question."""
        question = written_out(text)
        if not question or len(question) >= self.spec.sequence_length:
            raise UserError(f"the question has {len(question)} characters where 1 to {self.spec.sequence_length - 1} fit")
        return self._rows.questions([question])[0]

    def to_text(self, tokens: np.ndarray) -> str:
        """The characters as they are; a square for the end and a shade for a blank, without the blanks at the end."""
        return read_back(self._rows.text(tokens))

    def answer_text(self, inputs: np.ndarray, labels: np.ndarray) -> str:
        """See :meth:`hrmlab.data.task.Task.answer_text`: without the question."""
        return "" if (labels == IGNORED_LABEL).all() else read_back(self._rows.question_and_answer(inputs, labels)[1])

    def completed(self, inputs: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.completed`: the answer alone, at the beginning of the row."""
        said = self._said(inputs, answer)
        return np.concatenate([said, np.full(len(inputs) - len(said), BLANK, said.dtype)])

    def _said(self, inputs: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """What stands in the blanks before the end; all of them where there is no end."""
        written = prediction[inputs == BLANK]
        ends = np.flatnonzero(written == END)
        return written[: ends[0]] if len(ends) else written

    def _score(self, inputs: np.ndarray, prediction: np.ndarray) -> float:
        question, said = self._by_text.get(self._rows.text(inputs)), self._said(inputs, prediction)
        if question is None or len(said) == (inputs == BLANK).sum():
            return 0.0
        return self._scorer.score(question, self._rows.text(said))

    def _read(self, table: Table) -> list[Question]:
        read = []
        for row, text in enumerate(table.questions):
            question = written_out(text)
            known = self._by_text.get(question)
            answer = written_out(table.answers[row]) if table.answers else known.answer if known else ""
            size = len(question) + len(answer) + 1
            if not question or size > self.spec.sequence_length:
                table.refuse(
                    row, f"question, answer and end have {size} characters where 2 to {self.spec.sequence_length} fit; leave it out"
                )
            if known is None:
                entry = {"question": text, "answer": read_back(answer), "metadata": {}}
                known = Question("", question, answer, -1, repr(entry))
            read.append(known)
        return read

    def _set(self, questions: list[Question]) -> ExampleSet:
        texts, answers = [item.question for item in questions], [item.answer for item in questions]
        inputs, labels = self._rows.rows(texts, answers)
        ratings = np.array([len(answer) for answer in answers])
        classes = row_hash(self._rows.questions(texts))
        return make_set(inputs=inputs, labels=labels, classes=classes, ratings=ratings, sources=self._dataset)
