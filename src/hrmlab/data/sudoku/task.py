"""The Sudoku task."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from torch import Tensor

from hrmlab.config.values import AtLeast, AtMost
from hrmlab.core.board import Board
from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure
from hrmlab.core.randomness import CounterRandom, stream
from hrmlab.core.symmetry import Symmetry
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.fingerprint import row_hash
from hrmlab.data.reading import Table, encode_text, single_question
from hrmlab.data.sources import GENERATED, Generation, SourceOptions, read_rows, splits_from_generator, splits_from_tables
from hrmlab.data.sudoku.augmentation import SudokuAugmentation
from hrmlab.data.sudoku.board import board
from hrmlab.data.sudoku.generator import GENERATOR_VERSION, Tier, choose_tier, generate_for_keys
from hrmlab.data.sudoku.rules import breaks_no_rule, validate
from hrmlab.data.sudoku.symmetry import CLASS_RULES, fingerprints, relabelled
from hrmlab.data.sudoku.trivial import candidates_by_clues, candidates_by_elimination, expected_of_guesses, guesses
from hrmlab.data.task import Augmentation, Task
from hrmlab.data.trivial import Trivial

_CHUNK, _CHUNK_CLIMBING = {4: 1024, 6: 512, 9: 256}, 16
_PATIENCE, _PATIENCE_CLIMBING = 20_000, 200
_CANONICAL_ROWS = 100_000
_EMPTY = 1

BREAKS_NO_RULE = Measure(
    name="breaks_no_rule",
    wording="breaks no rule",
    meaning="the share of puzzles answered by a full grid without repetition that keeps every clue",
    column="breaks_no_rule",
    halting=True,
)


class SudokuTask(Task):
    """Fill the grid so that every row, column and box holds each digit once.

    Tokens: 0 padding (never used), 1 an empty cell, d + 1 the digit d; V = side + 2.

    Args:
        side: 4, 6 (boxes of 2 rows and 3 columns) or 9.
        options: where the puzzles come from.
        difficulty: tier of generated puzzles; None: minimal puzzles of any rating.
        minimum_rating, maximum_rating: bounds in dead ends, inclusive; they replace the tier's when generating, and filter rows that
            are read (which must then have ratings).
        check_unique: refuse rows with several solutions.
        augment: train on random symmetric images.
        fixed_views: images that there are of each puzzle to train on, drawn again and again; None: a new one at every draw.

    Raises:
        UserError: there are no such puzzles.
    """

    measures = (BREAKS_NO_RULE, EXACT_ACCURACY, CELL_ACCURACY)
    answer_rule = "grids up to the names of their digits"

    def __init__(
        self,
        *,
        side: int = 9,
        options: SourceOptions = GENERATED,
        difficulty: Literal["easy", "medium", "hard", "extreme"] | None = None,
        minimum_rating: float | None = None,
        maximum_rating: float | None = None,
        check_unique: bool = False,
        augment: bool = True,
        fixed_views: Annotated[int, AtLeast(1), AtMost(1_000_000)] | None = None,
    ) -> None:
        self._board = board(side)
        self._options = options
        if fixed_views is not None and not augment:
            raise UserError(
                f"data.fixed_views={fixed_views} counts symmetric images, which data.augment=false leaves out; drop one of them"
            )
        if minimum_rating is not None and maximum_rating is not None and minimum_rating > maximum_rating:
            raise UserError(f"data.minimum_rating={minimum_rating} is above data.maximum_rating={maximum_rating}; lower it")
        self._tier = choose_tier(side, difficulty, minimum_rating, maximum_rating) if options.source == "generated" else Tier()
        if difficulty is not None and options.source != "generated":
            raise UserError(
                f"data.difficulty={difficulty} is only for generated puzzles; "
                f"with data.source={options.source} use data.minimum_rating and data.maximum_rating"
            )
        self._minimum_rating, self._maximum_rating = minimum_rating, maximum_rating
        self._check_unique, self._augment, self._fixed_views = check_unique, augment, fixed_views
        self.spec = TaskSpec(
            name=f"sudoku_{side}x{side}" + (f"_{difficulty}" if difficulty else "") + self._options.label,
            sequence_length=side * side,
            vocabulary_size=side + 2,
            grid=(side, side),
        )
        self._digits = {str(digit): digit for digit in range(1, side + 1)}
        digits = {digit: f"digit {digit}" for digit in self._digits}
        self.board = Board(symbols={".": "empty", **digits}, boxes=(self._board.box_rows, self._board.box_columns))

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`."""
        rule = CLASS_RULES[self._board.side]
        if self._options.source != "generated":
            return splits_from_tables(self._options, self._encode_filtered, rule)
        tier = self._tier
        generation = Generation(
            kind="sudoku",
            parameters={"version": GENERATOR_VERSION, "side": self._board.side, "tier": tier.as_list()},
            draw=self._draw,
            chunk=_CHUNK_CLIMBING if tier.minimum_rating > 0 else _CHUNK[self._board.side],
            patience=_PATIENCE_CLIMBING if tier.minimum_rating > 0 else _PATIENCE,
            remedy="ask for fewer puzzles, another data.difficulty or wider rating bounds, or a larger data.side",
        )
        return splits_from_generator(self._options, generation, rule, progress=progress)

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`. Rating bounds do not apply: every row is returned."""
        rows = read_rows(path, self._encode, labelled=labelled).widened()
        if not labelled:
            rows.labels[:] = IGNORED_LABEL
        return rows

    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """See :meth:`hrmlab.data.task.Task.augmentation`."""
        if not self._augment:
            return None
        return SudokuAugmentation(self._board, fixed_views=self._fixed_views, seed=self._options.seed)

    def symmetry(self, inputs: Tensor, random: CounterRandom) -> Symmetry:
        """See :meth:`hrmlab.data.task.Task.symmetry`: those of the augmentation."""
        return SudokuAugmentation(self._board).symmetry(len(inputs), inputs.device, random)

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """``breaks_no_rule``: a full grid without repetition that keeps every clue; for puzzles with one solution the same as exact."""
        return {"breaks_no_rule": breaks_no_rule(inputs - 1, predictions - 1, self._board)}

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool:
        """See :meth:`hrmlab.data.task.Task.is_right`: by the rules of Sudoku."""
        return bool(self.score(inputs[None], inputs[None], prediction[None])["breaks_no_rule"][0])

    def answer_classes(self, labels: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.answer_classes`: grids up to the names of their digits."""
        parts = np.array_split(labels - 1, max(1, len(labels) // _CANONICAL_ROWS))  # of millions of puzzles no more than so many at once
        return np.concatenate([row_hash(relabelled(part, self._board.side)) for part in parts])

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`: also guesses among what the rules leave, before and after elimination."""
        questions, solutions = (test.inputs - 1).astype(np.uint8), (test.labels - 1).astype(np.uint8)

        def guessing(name: str, meaning: str, masks: np.ndarray) -> Trivial:
            drawn = guesses(masks, self._board, purpose=name)
            expected = expected_of_guesses(masks, solutions, unique=self._check_unique or self._options.source == "generated")
            return Trivial(name=name, meaning=meaning, answers=drawn + 1, expected=expected)

        return [
            *super().trivial(train, test),
            guessing(
                "guess among candidates",
                "an empty cell gets any digit that no clue in its row, column or box has (expected value)",
                candidates_by_clues(questions, self._board),
            ),
            guessing(
                "fill by elimination",
                "naked and hidden singles are filled in until none is left, the other cells get any digit still possible (expected value)",
                candidates_by_elimination(questions, self._board),
            ),
        ]

    def easier(self, examples: ExampleSet, *, left: int) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.easier`: all empty cells but ``left`` are filled in from the solution."""
        chosen = examples.select((examples.inputs == _EMPTY).sum(axis=1) >= left)
        # A cell's turn depends on the puzzle alone, so that what stays empty is the same whichever puzzles are asked with it.
        seeds = [row.tobytes().hex() for row in chosen.inputs.astype("<i4")]
        turns = np.array([stream(0, "sudoku", "easier", seed).permutation(self._board.cells) for seed in seeds]).reshape(
            chosen.inputs.shape
        )
        turns = np.where(chosen.inputs == _EMPTY, turns, self._board.cells)  # clues stay, so their turn never comes
        stays = turns.argsort(axis=1).argsort(axis=1) < left
        return replace(chosen, inputs=np.where(stays, chosen.inputs, chosen.labels))

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: one character per cell, ``.`` or ``0`` empty, white space passed over."""
        return self._encode(single_question("".join(text.split())), False).widened().inputs[0]

    def to_text(self, tokens: np.ndarray) -> str:
        """One character per cell, row by row: ``.`` empty, ``?`` padding."""
        return "".join("?."[token] if token < 2 else str(token - 1) for token in tokens.tolist())

    def _encode(self, table: Table, labelled: bool) -> ExampleSet:
        side, cells = self._board.side, self._board.cells
        expected = f"the {cells} of a {side}x{side} Sudoku"
        questions = encode_text(table, "question", tokens={".": 0, "0": 0, **self._digits}, length=cells, expected=expected)
        answers = encode_text(table, "answer", tokens=self._digits, length=cells, expected=expected) if labelled else None
        validate(table, questions, answers, self._board, check_unique=self._check_unique)
        if answers is not None:
            table.refuse_two_answers(questions, answers)
        made = self._as_set(questions, questions if answers is None else answers, table.ratings, table.sources)
        return replace(made, weights=table.weights)

    def _encode_filtered(self, table: Table, labelled: bool) -> ExampleSet:
        rows = self._encode(table, labelled)
        if self._minimum_rating is None and self._maximum_rating is None:
            return rows
        unrated = np.isnan(rows.ratings)
        if unrated.any():
            table.refuse(
                int(unrated.argmax()),
                "it has no rating, which data.minimum_rating and data.maximum_rating need; add one or drop the bounds",
            )
        low = -np.inf if self._minimum_rating is None else self._minimum_rating
        high = np.inf if self._maximum_rating is None else self._maximum_rating
        kept = rows.select((rows.ratings >= low) & (rows.ratings <= high))
        if not len(kept):
            raise UserError(
                f"{table.where} has no row with a rating from {low:g} to {high:g}; widen data.minimum_rating and data.maximum_rating"
            )
        return kept

    def _draw(self, keys: np.ndarray) -> ExampleSet:
        questions, solutions, ratings = generate_for_keys(keys, self._board, tier=self._tier)
        kept = (ratings >= self._tier.minimum_rating) & (ratings <= self._tier.maximum_rating)
        return self._as_set(questions[kept], solutions[kept], ratings[kept], "generated")

    def _as_set(self, questions: np.ndarray, solutions: np.ndarray, ratings: np.ndarray, sources: np.ndarray | str) -> ExampleSet:
        classes = fingerprints(questions, solutions, self._board)
        return make_set(inputs=questions + 1, labels=solutions + 1, classes=classes, ratings=ratings, sources=sources)
