"""Which puzzles are tested, which choose the checkpoint, which are only learned from; and what none of them may share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream_key
from hrmlab.data.arc.puzzles import Pair, Puzzle
from hrmlab.data.arc.views import fingerprint

CLASS_RULE = "input grids up to rotation, reflection and the names of the colours other than black"

_VALIDATION_SHARE, _TEST_SHARE, _MOST_VALIDATION = 0.1, 0.25, 50


@dataclass(frozen=True, kw_only=True)
class Division:
    """Every puzzle that fits, in three parts. Of all of them the demonstrations are learned from.

    Attributes:
        learned: their tests are learned from as well.
        validation: their tests choose the checkpoint.
        tested: their tests are the test split.
        left_out: how many puzzles have a grid larger than asked for, by what they would have been; zero counts are absent.
    """

    learned: tuple[Puzzle, ...]
    validation: tuple[Puzzle, ...]
    tested: tuple[Puzzle, ...]
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def puzzles(self) -> tuple[Puzzle, ...]:
        """All of them, in the order of their puzzle ids."""
        return (*self.learned, *self.validation, *self.tested)


def divide(
    puzzles: Sequence[Puzzle], *, extra: Sequence[Puzzle], side: int, validation_tasks: int | None, test_tasks: int | None, seed: int
) -> Division:
    """Choose by a hash of the name and ``seed``: a smaller choice is part of a larger one.

    Args:
        puzzles: where none says that it is for evaluation, a quarter of them is tested on.
        extra: only learned from.
        side: rows and columns there are for a grid.
        validation_tasks: None: a tenth of those that are not tested, at most 50.
        test_tasks: None: all that are for evaluation. What is not chosen is left out, demonstrations and all.

    Raises:
        UserError: there are not as many, or none are left to learn from.
    """
    fitting, left_out = [puzzle for puzzle in puzzles if puzzle.side() <= side], {}
    for name, kind in (("evaluation", True), ("training", False), ("tasks", None)):
        lost = sum(puzzle.evaluation is kind and puzzle.side() > side for puzzle in puzzles)
        left_out |= {name: lost} if lost else {}
    fitting_extra = [puzzle for puzzle in extra if puzzle.side() <= side]
    if len(fitting_extra) < len(extra):
        left_out["extra"] = len(extra) - len(fitting_extra)
    designated = [puzzle for puzzle in fitting if puzzle.evaluation]
    if any(puzzle.evaluation for puzzle in puzzles):
        pool, others = designated, [puzzle for puzzle in fitting if not puzzle.evaluation]
        tested = _chosen(pool, test_tasks or len(pool), "test_tasks", seed, among="evaluation tasks")
    else:
        tested = _chosen(fitting, test_tasks or max(1, round(_TEST_SHARE * len(fitting))), "test_tasks", seed, among="tasks")
        names = {id(puzzle) for puzzle in tested}
        others = [puzzle for puzzle in fitting if id(puzzle) not in names]
    default = max(1, min(_MOST_VALIDATION, round(_VALIDATION_SHARE * len(others))))
    validation = _chosen(others, validation_tasks or default, "validation_tasks", seed, among="tasks that are not tested")
    names = {id(puzzle) for puzzle in validation}
    learned = [puzzle for puzzle in others if id(puzzle) not in names]
    if not tested or not validation:
        raise UserError(
            f"of {len(puzzles)} ARC tasks {len(tested)} can be tested and {len(validation)} kept for validation within data.grid={side}; "
            "give more tasks or a larger data.grid"
        )
    return Division(learned=(*learned, *fitting_extra), validation=tuple(validation), tested=tuple(tested), left_out=left_out)


def _chosen(puzzles: Sequence[Puzzle], count: int, key: str, seed: int, *, among: str) -> list[Puzzle]:
    if count > len(puzzles):
        raise UserError(f"data.{key}={count} is more than the {len(puzzles)} {among} there are; ask for at most {len(puzzles)}, or null")
    order = sorted(range(len(puzzles)), key=lambda place: stream_key(seed, "arc", key, puzzles[place].name, place))
    return [puzzles[place] for place in sorted(order[:count])]


@dataclass(frozen=True, kw_only=True, eq=False)
class PairRows:
    """Pairs of several puzzles, one row each.

    Attributes:
        pairs: R pairs.
        puzzles: (R,) int64 place of each row's puzzle in :attr:`Division.puzzles`.
        classes: (R,) uint64 fingerprints of the inputs.
    """

    pairs: list[Pair]
    puzzles: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.pairs)

    def without(self, classes: Iterable[np.ndarray]) -> "PairRows":
        """The rows of no class among these."""
        kept = np.flatnonzero(~np.isin(self.classes, np.concatenate(list(classes))))
        return PairRows(pairs=[self.pairs[row] for row in kept], puzzles=self.puzzles[kept], classes=self.classes[kept])


def pair_rows(places: Iterable[int], pairs: Iterable[Sequence[Pair]]) -> PairRows:
    """One row for each pair of puzzles at these places."""
    found = [(place, pair) for place, each in zip(places, pairs, strict=True) for pair in each]
    return PairRows(
        pairs=[pair for _, pair in found],
        puzzles=np.array([place for place, _ in found], np.int64),
        classes=np.array([fingerprint(pair.question) for _, pair in found], np.uint64),
    )


def rows_of(division: Division) -> tuple[tuple[PairRows, PairRows, PairRows], dict[str, int]]:
    """The pairs to train on, to validate on and to test on, no class in two of them; and how many rows that cost.

    The test keeps its rows, validation loses the classes of the test, and training those of both.
    """
    first_tested = len(division.learned) + len(division.validation)
    places = range(len(division.puzzles))
    train = pair_rows(
        places,
        [
            (*puzzle.demonstrations, *(puzzle.tests if place < len(division.learned) else ()))
            for place, puzzle in enumerate(division.puzzles)
        ],
    )
    validation = pair_rows(places[len(division.learned) : first_tested], [puzzle.tests for puzzle in division.validation])
    test = pair_rows(places[first_tested:], [puzzle.tests for puzzle in division.tested])
    clean_validation = validation.without([test.classes])
    clean_train = train.without([test.classes, validation.classes])
    dropped = {"train": len(train) - len(clean_train), "validation": len(validation) - len(clean_validation)}
    return (clean_train, clean_validation, test), {name: count for name, count in dropped.items() if count}
