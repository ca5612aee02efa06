"""Two tasks of a user's own: one judged by votes over views, one with two measures of its own."""

from pathlib import Path

import numpy as np
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure, Words
from hrmlab.core.randomness import CounterRandom, stream
from hrmlab.core.task import TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.fingerprint import row_hash
from hrmlab.data.task import Answers, Augmentation, Judgement, Task

_VIEWS = 4


class Shift(Augmentation):
    """Rotates a row and tells the puzzle embedding so: view v of a puzzle is rotated by v, and its id says which view it is."""

    def to(self, device: object) -> "Shift":
        return self

    def __call__(self, batch: Batch, rows: Tensor, random: CounterRandom) -> Batch:
        view = random.integers("view", _VIEWS)[:, 0]
        length = batch.inputs.shape[1]
        places = (rows.new_tensor(range(length))[None, :] + view[:, None]) % length
        return Batch(batch.inputs.gather(1, places), batch.labels.gather(1, places), view)


class ReversalByVotes(Task):
    """Reverse a row of digits. A puzzle is asked in four rotated views, and two attempts are allowed: the two most frequent answers.

    Args:
        length: digits in a row.
        puzzles: in each split.
        seed: of the puzzles.
    """

    measures = (
        Measure(
            name="pass_at_2_votes",
            wording="votes, two attempts",
            meaning="the share of puzzles of which one of the two answers that most views gave is right",
            counts=True,
            column="solved_by_votes",
        ),
        EXACT_ACCURACY,
        CELL_ACCURACY,
    )
    words = Words(example="row", token="digit", answer="row", rating="rating")

    def __init__(self, *, length: int = 6, puzzles: int = 24, seed: int = 0) -> None:
        if length < 2:
            raise UserError(f"data.length={length} has nothing to reverse; give at least 2")
        self._length, self._puzzles, self._seed = length, puzzles, seed
        self.spec = TaskSpec(name=f"reversal_{length}", sequence_length=length, vocabulary_size=10, puzzle_ids=_VIEWS, grid=(1, length))

    def load(self, *, progress: bool = True) -> Splits:
        drawn = stream(self._seed, "reversal").integers(0, 10, (20 * self._puzzles, self._length)).astype(np.int32)
        rows = np.unique(drawn, axis=0)
        rows = rows[stream(self._seed, "reversal", "order").permutation(len(rows))]
        train, validation, test = (rows[start * self._puzzles : (start + 1) * self._puzzles] for start in range(3))
        return Splits(
            train=self._set(train, views=1),
            validation=self._set(validation),
            test=self._set(test),
            class_rule="rows with equal digits",
            source="generated",
        )

    def _set(self, rows: np.ndarray, *, views: int = _VIEWS) -> ExampleSet:
        inputs = np.concatenate([np.roll(rows, -view, axis=1) for view in range(views)])
        labels = np.concatenate([np.roll(rows[:, ::-1], -view, axis=1) for view in range(views)])
        return make_set(
            inputs=inputs,
            labels=labels,
            classes=np.tile(row_hash(rows), views),
            puzzle_ids=np.repeat(np.arange(views), len(rows)),
            groups=np.tile(np.arange(len(rows)), views),
            sources="drawn",
        )

    def augmentation(self, train: ExampleSet) -> Augmentation:
        return Shift()

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        return self._set(np.stack([self.from_text(line) for line in Path(path).read_text().split()]))

    def judge(self, examples: ExampleSet, answers: Answers) -> Judgement:
        """Turn every view's answer back, count equal ones, and try the two most frequent."""
        solved: dict[int, bool] = {}
        for group in np.unique(examples.groups):
            members = np.flatnonzero(examples.groups == group)
            turned = [tuple(np.roll(answers.fixed[row], examples.puzzle_ids[row]).tolist()) for row in members]
            best = sorted(set(turned), key=lambda answer: (-turned.count(answer), answer))[:2]
            first = members[examples.puzzle_ids[members] == 0][0]
            solved[int(group)] = tuple(examples.labels[first].tolist()) in best
        outcome = np.full(len(examples), np.nan)
        for group, right in solved.items():
            outcome[np.flatnonzero((examples.groups == group) & (examples.puzzle_ids == 0))] = right
        return Judgement({"pass_at_2_votes": float(np.mean(list(solved.values())))}, {"solved_by_votes": outcome}, len(solved))

    def from_text(self, text: str) -> np.ndarray:
        if len(text) != self._length or not text.isdecimal():
            raise UserError(f"puzzle={text!r} is not a row of {self._length} digits; correct it")
        return np.array([int(digit) for digit in text], np.int32)

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool:
        return bool((inputs[::-1] == prediction).all())

    def to_text(self, tokens: np.ndarray) -> str:
        return "".join(map(str, tokens.tolist()))


class Sorting(Task):
    """Sort a row of digits; what counts is how far a row is from being sorted, which is smaller for better answers.

    Args:
        length: digits in a row.
        puzzles: in each split.
    """

    measures = (
        Measure(
            name="displacement",
            wording="mean displacement",
            meaning="the mean distance of a digit from the right one, in digits",
            unit="number",
            counts=True,
            column="displacement",
            larger_is_better=False,
            halting=True,
        ),
        Measure(
            name="is_sorted",
            wording="sorted",
            meaning="the share of answers that rise, whatever their digits",
            column="is_sorted",
            halting=True,
        ),
        EXACT_ACCURACY,
        CELL_ACCURACY,
    )
    words = Words(example="row", token="digit", answer="row", rating="rating")

    def __init__(self, *, length: int = 5, puzzles: int = 30) -> None:
        self._length, self._puzzles = length, puzzles
        self.spec = TaskSpec(name=f"sorting_{length}", sequence_length=length, vocabulary_size=10)

    def load(self, *, progress: bool = True) -> Splits:
        drawn = np.unique(stream(0, "sorting").integers(0, 10, (20 * self._puzzles, self._length)), axis=0)
        # Rows with the same digits have the same answer: they are one class, and stand in one split.
        _, first = np.unique(np.sort(drawn, axis=1), axis=0, return_index=True)
        rows = drawn[stream(0, "sorting", "order").permutation(first)].astype(np.int32)
        parts = [self._set(rows[start * self._puzzles : (start + 1) * self._puzzles]) for start in range(3)]
        return Splits(train=parts[0], validation=parts[1], test=parts[2], class_rule="rows with the same digits", source="generated")

    def _set(self, rows: np.ndarray) -> ExampleSet:
        labels = np.sort(rows, axis=1)
        return make_set(inputs=rows, labels=labels, classes=row_hash(labels), ratings=(rows != labels).sum(axis=1), sources="drawn")

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        return self._set(np.array([[int(digit) for digit in line] for line in Path(path).read_text().split()], np.int32))

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "displacement": np.abs(predictions - labels).mean(axis=1, dtype=np.float64) if len(labels) else np.zeros(0),
            "is_sorted": np.asarray((np.diff(predictions, axis=1) >= 0).all(axis=1)),
        }

    def to_text(self, tokens: np.ndarray) -> str:
        return "".join(map(str, tokens.tolist()))
