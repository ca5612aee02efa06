"""The maze task."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hrmlab.core.board import Board
from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.symmetry import Symmetry
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.maze.augmentation import MazeAugmentation
from hrmlab.data.maze.generator import GENERATOR_VERSION, choose_shape, generate_for_keys
from hrmlab.data.maze.search import GOAL, START, TOKENS, VOCABULARY, label, valid_shortest_path
from hrmlab.data.maze.symmetry import CLASS_RULE, dihedral_cells, fingerprints
from hrmlab.data.maze.trivial import greedy_walks, straight_paths
from hrmlab.data.reading import Table, encode_text, single_question
from hrmlab.data.sources import GENERATED, Generation, SourceOptions, read_rows, splits_from_generator, splits_from_tables
from hrmlab.data.task import Augmentation, Task
from hrmlab.data.trivial import Trivial

_QUESTION_TOKENS = {character: token for character, token in TOKENS.items() if character != "o"}

VALID_SHORTEST_PATH = Measure(
    name="valid_shortest_path",
    wording="valid shortest path",
    meaning="the share of puzzles whose marked cells are some shortest path from S to G, the rest of the maze unchanged",
    column="valid_shortest_path",
    halting=True,
)


class MazeTask(Task):
    """Mark a shortest path from S to G.

    Tokens: 0 padding (never used), 1 wall ``#``, 2 floor (a space), 3 ``S``, 4 ``G``, 5 path ``o``; V = 6. The label is the path
    that breadth-first search from S finds first, neighbours in the order down, left, right, up. The rating is the number of cells on
    it, S and G counted.

    Args:
        side: rows and columns, 4 to 30.
        options: where the puzzles come from.
        difficulty: tier of generated mazes; None: paths of at least 1.5 times the side.
        wall_density: mean share of walls in generated mazes.
        minimum_path, maximum_path: cells on the shortest path, S and G counted, inclusive; they replace the tier's when generating,
            and filter rows that are read.
        augment: train on random rotations and reflections.

    Raises:
        UserError: there are no such mazes.
    """

    board = Board(
        symbols={" ": "floor", "#": "wall", "S": "start", "G": "goal"},
        once=("S", "G"),
        answers={"o": "path"},
        colours={" ": "#f4f4f0", "#": "#3c4048", "S": "#2f9e6e", "G": "#c2503c", "o": "#e8b53a"},
    )
    measures = (VALID_SHORTEST_PATH, EXACT_ACCURACY, CELL_ACCURACY)

    def __init__(
        self,
        *,
        side: int = 30,
        options: SourceOptions = GENERATED,
        difficulty: Literal["easy", "medium", "hard", "extreme"] | None = None,
        wall_density: float = 0.37,
        minimum_path: int | None = None,
        maximum_path: int | None = None,
        augment: bool = True,
    ) -> None:
        self._options = options
        self._shape = choose_shape(
            side=side, difficulty=difficulty, wall_density=wall_density, minimum_path=minimum_path, maximum_path=maximum_path
        )
        if difficulty is not None and options.source != "generated":
            raise UserError(
                f"data.difficulty={difficulty} is only for generated mazes; "
                f"with data.source={options.source} use data.minimum_path and data.maximum_path"
            )
        self._minimum_path, self._maximum_path = minimum_path, maximum_path
        self._side, self._augment = side, augment
        self.spec = TaskSpec(
            name=f"maze_{side}x{side}" + (f"_{difficulty}" if difficulty else "") + self._options.label,
            sequence_length=side * side,
            vocabulary_size=VOCABULARY,
            grid=(side, side),
        )
        self._characters = {token: character for character, token in TOKENS.items()}

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`."""
        if self._options.source != "generated":
            return splits_from_tables(self._options, self._encode_for_training, CLASS_RULE)
        shape = self._shape
        generation = Generation(
            kind="maze",
            parameters={"version": GENERATOR_VERSION, **vars(shape)},
            draw=self._draw,
            chunk=64,
            patience=2_000,
            remedy="ask for fewer mazes, shorter paths (data.difficulty, data.minimum_path) or a larger data.side",
        )
        return splits_from_generator(self._options, generation, CLASS_RULE, progress=progress)

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`. Bounds on the path do not apply: every row is returned."""
        rows = read_rows(path, self._encode, labelled=labelled).widened()
        if not labelled:
            rows.labels[:] = IGNORED_LABEL
        return rows

    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """See :meth:`hrmlab.data.task.Task.augmentation`."""
        return MazeAugmentation(train.inputs, self._side) if self._augment else None

    def symmetry(self, inputs: Tensor, random: CounterRandom) -> Symmetry:
        """See :meth:`hrmlab.data.task.Task.symmetry`: the eight rotations and reflections; tokens keep their names."""
        images = torch.from_numpy(dihedral_cells(self._side)).to(inputs.device)
        tokens = torch.arange(self.spec.vocabulary_size, device=inputs.device).expand(len(inputs), -1)
        return Symmetry(images[random.integers("dihedral", 8)[:, 0]], tokens)

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """``valid_shortest_path``: the marked cells are some shortest path from S to G and the rest of the maze is unchanged."""
        return {"valid_shortest_path": valid_shortest_path(inputs, predictions, self._side)}

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`: also two walks that look at no more than the next cell."""
        return [
            *super().trivial(train, test),
            Trivial(
                name="straight line",
                meaning="the way from S to G with one bend, whatever walls are on it, is marked",
                answers=straight_paths(test.inputs, self._side),
            ),
            Trivial(
                name="greedy walk",
                meaning="from S to an open neighbour nearer to G, until there is none",
                answers=greedy_walks(test.inputs, self._side),
            ),
        ]

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: one character per cell, row by row, in one line or several."""
        return self._encode(single_question(text), False).widened().inputs[0]

    def is_right(self, inputs: np.ndarray, prediction: np.ndarray) -> bool:
        """See :meth:`hrmlab.data.task.Task.is_right`: some shortest path is marked."""
        return bool(self.score(inputs[None], inputs[None], prediction[None])["valid_shortest_path"][0])

    def to_text(self, tokens: np.ndarray) -> str:
        """One character per cell, row by row; ``?`` for padding."""
        return "".join(self._characters.get(token, "?") for token in tokens.tolist())

    def _encode(self, table: Table, labelled: bool) -> ExampleSet:
        side = self._side
        expected = f"the {side * side} of a {side}x{side} maze"
        mazes = encode_text(table, "question", tokens=_QUESTION_TOKENS, length=side * side, expected=expected)
        for token, name in ((START, "S"), (GOAL, "G")):
            count = (mazes == token).sum(axis=1)
            if (count != 1).any():
                row = int((count != 1).argmax())
                table.refuse(row, f"the question has {count[row]} cells {name} instead of one; correct it")
        labels, lengths = label(mazes, side)
        if (lengths == 0).any():
            table.refuse(int((lengths == 0).argmax()), "no path leads from S to G; open a wall or leave the row out")
        if labelled:
            labels = encode_text(table, "answer", tokens=TOKENS, length=side * side, expected=expected)
            wrong = ~valid_shortest_path(mazes, labels, side)
            if wrong.any():
                row = int(wrong.argmax())
                table.refuse(
                    row,
                    f"the answer is not the question with one shortest path from S to G marked by 'o' ({lengths[row]} cells with S and G); "
                    "correct it",
                )
        ratings = np.where(np.isnan(table.ratings), lengths, table.ratings)
        classes = fingerprints(mazes, side)
        return make_set(inputs=mazes, labels=labels, classes=classes, ratings=ratings, sources=table.sources, weights=table.weights)

    def _encode_for_training(self, table: Table, labelled: bool) -> ExampleSet:
        rows = self._encode(table, labelled)
        chosen, lengths = label(rows.inputs, self._side)
        other = (rows.labels != chosen).any(axis=1)
        if self._augment and other.any():
            table.refuse(
                int(other.argmax()),
                "among several shortest paths the answer is not the one that the label rule chooses (breadth-first; down, left, "
                "right, up), which augmentation would mix with it; set data.augment=false to train on the answers as they are",
            )
        table.refuse_two_answers(rows.inputs, rows.labels)
        low = 0 if self._minimum_path is None else self._minimum_path
        high = self._side**2 if self._maximum_path is None else self._maximum_path
        kept = rows.select((lengths >= low) & (lengths <= high))
        if not len(kept):
            raise UserError(
                f"{table.where} has no maze with a path of {low} to {high} cells; change data.minimum_path and data.maximum_path"
            )
        return kept

    def _draw(self, keys: np.ndarray) -> ExampleSet:
        mazes, lengths = generate_for_keys(keys, self._shape)
        mazes, lengths = mazes[lengths > 0], lengths[lengths > 0]
        labels, _ = label(mazes, self._side)
        return make_set(inputs=mazes, labels=labels, classes=fingerprints(mazes, self._side), ratings=lengths, sources="generated")
