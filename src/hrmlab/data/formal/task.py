"""The task of formal languages."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from hrmlab.config.values import AtLeast
from hrmlab.core.errors import UserError
from hrmlab.core.measures import Words
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.completions import Completions
from hrmlab.data.example_set import ExampleSet, Splits, check_counts, check_length, make_set
from hrmlab.data.fingerprint import row_hash
from hrmlab.data.formal.languages import Dyck, Name, choose_language
from hrmlab.data.formal.splits import draw_questions
from hrmlab.data.formal.trivial import close_everything, guessed_symbols
from hrmlab.data.reading import Table, read_table, single_question
from hrmlab.data.task import Task
from hrmlab.data.trivial import Trivial

CLASS_RULE = "equal beginnings of words"


class FormalTask(Task):
    """The beginning of a word of a formal language is given; asked is the shortest rest, and where it ends.

    Tokens: 0 blank ``.``, 1 end ``$``, then the symbols of the language; one more position than the longest word has symbols. The rating is
    the length of the whole word. Training, validation and test hold words of up to ``length`` symbols, the further set ``test_longer``
    longer ones of up to ``longer``.

    Args:
        language: ``dyck`` (brackets), ``anbn``, ``copy`` or ``parity``; see :mod:`hrmlab.data.formal.languages`.
        kinds: of brackets, 1 to 4, or of letters to copy, 1 to 26; None: 2 and 4. The other languages have none.
        length: symbols of the longest words to train and test on.
        longer: symbols of the longest words of ``test_longer``; None: twice as many.
        attention: ``full``; or ``causal``: the same rows, but a position sees only those before it and itself. Either can answer, for the
            answer stands in no input.
        next_token: the answer is read as well and each label is the token that follows, as language models learn; with causal attention.
        train_examples, validation_examples, test_examples: None: 1000, 200 and 500, or as many as there are.
        seed: chooses the words, apart from the seed of training.

    Raises:
        UserError: there are no such words, or the answers would be seen.
    """

    words = Words(example="word", token="symbol", answer="completion", rating="length of the word")
    answer_rule = "completions with the same symbols"

    def __init__(
        self,
        *,
        language: Name = "dyck",
        kinds: int | None = None,
        length: Annotated[int, AtLeast(2)] = 24,
        longer: int | None = None,
        attention: Literal["full", "causal"] = "full",
        next_token: bool = False,
        train_examples: int | None = None,
        validation_examples: int | None = None,
        test_examples: int | None = None,
        seed: int = 0,
    ) -> None:
        self._language, self._name = choose_language(language, kinds), language
        self._length, self._longer, self._seed = length, 2 * length if longer is None else longer, seed
        self._counts = {"train": train_examples, "validation": validation_examples, "test": test_examples}
        check_counts(**self._counts)
        if not self._language.lengths(0, length):
            raise UserError(f"data.length={length} holds no word of data.language={language}; give at least {self._language.shortest}")
        if not self._language.lengths(length + 1, self._longer):
            raise UserError(
                f"data.longer={longer} leaves no words longer than data.length={length} for test_longer; give at least {length + 2}"
            )
        check_length(self._longer + 1, where=f"data.longer={self._longer}")
        if next_token and attention != "causal":
            raise UserError(
                f"data.next_token=true with data.attention={attention} shows every position its answer; add data.attention=causal"
            )
        self._notation = Completions(alphabet=self._language.alphabet, length=self._longer + 1, next_token=next_token)
        self.spec = TaskSpec(
            name=f"{language}{'' if kinds is None else f'_{kinds}'}_{length}",
            sequence_length=self._notation.length,
            vocabulary_size=self._notation.vocabulary_size,
            attention=attention,
            next_token=next_token,
        )

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`: a second at most, so nothing is cached."""
        drawn = draw_questions(
            language=self._language, name=self._name, length=self._length, longer=self._longer, counts=self._counts, seed=self._seed
        )
        sets = {split: self._set(questions, self._answers(questions)) for split, questions in drawn.items()}
        return Splits(
            train=sets["train"],
            validation=sets["validation"],
            test=sets["test"],
            other_tests={"test_longer": sets["test_longer"]},
            class_rule=CLASS_RULE,
            source="generated",
        )

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`: a table with the columns question and answer."""
        rows = self._encode(read_table(path, labelled=labelled))
        if not labelled:
            rows.labels[:] = IGNORED_LABEL
        return rows

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`: also guessed symbols, and brackets closed without matching any."""
        found, notation = super().trivial(train, test), self._notation
        pairs = [notation.question_and_answer(inputs, labels) for inputs, labels in zip(test.inputs, test.labels, strict=True)]
        questions, answers = [question for question, _ in pairs], [answer for _, answer in pairs]
        if len(self._language.answering) > 1:  # of a single symbol only the number is asked
            found.append(guessed_symbols(notation, self._language, questions, answers))
        if isinstance(self._language, Dyck):
            found.append(close_everything(notation, self._language, questions))
        return found

    def answer_classes(self, labels: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.answer_classes`: completions by their symbols, wherever in a row they stand."""
        asked = labels != IGNORED_LABEL
        return row_hash(np.take_along_axis(labels, np.argsort(~asked, axis=1, kind="stable"), axis=1))

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: the beginning of a word."""
        if self._notation.next_token:
            return super().from_text(text)
        return self._encode(single_question(text.rstrip(self._notation.blank))).inputs[0]

    def to_text(self, tokens: np.ndarray) -> str:
        """One character for each symbol, ``$`` for the end, ``.`` for a blank; without the blanks at the end."""
        return self._notation.text(tokens)

    def completed(self, inputs: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.completed`: the given symbols and what stands in their blanks, up to the end of the word."""
        return answer if self._notation.next_token else self._notation.completed(inputs, answer)

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool | None:
        """See :meth:`hrmlab.data.task.Task.is_right`: it is the shortest completion."""
        if self._notation.next_token:
            return None
        question, rest = self.to_text(inputs), self.to_text(self.completed(inputs, prediction))
        return rest == f"{question}{self._language.answer(question)}{self._notation.end}"

    def _answers(self, questions: list[str]) -> list[str]:
        answers = [self._language.answer(question) for question in questions]
        assert None not in answers
        return [answer for answer in answers if answer is not None]

    def _encode(self, table: Table) -> ExampleSet:
        answers = []
        for row, question in enumerate(table.questions):
            for place, symbol in enumerate(question, start=1):
                if symbol not in self._language.alphabet:
                    known = " ".join(self._language.alphabet)
                    table.refuse(row, f"the question has the character {symbol!r} at place {place}; only {known} may stand there")
            answer = self._language.answer(question)
            if answer is None:
                table.refuse(row, f"the question is not the beginning of a word of data.language={self._name}; correct it")
            if (size := len(question) + len(answer)) > self._longer:
                table.refuse(row, f"the whole word has {size} symbols and {self._longer} fit; leave it out or raise data.longer")
            if table.answers and table.answers[row].removesuffix(self._notation.end) != answer:
                table.refuse(
                    row, f"the answer '{table.answers[row][:40]}' is not the shortest completion, which is '{answer[:40]}'; correct it"
                )
            answers.append(answer)
        made = self._set(table.questions, answers)
        ratings = np.where(np.isnan(table.ratings), made.ratings, table.ratings)
        return make_set(inputs=made.inputs, labels=made.labels, classes=made.classes, ratings=ratings, sources=table.sources)

    def _set(self, questions: list[str], answers: list[str]) -> ExampleSet:
        inputs, labels = self._notation.rows(questions, answers)
        sizes = np.array([len(question) + len(answer) for question, answer in zip(questions, answers, strict=True)])
        classes = row_hash(self._notation.questions(questions))
        return make_set(inputs=inputs, labels=labels, classes=classes, ratings=sizes, sources=self._name)
