"""The solver against an independent one: Knuth's exact cover (Algorithm X) on dictionaries of sets, in plain Python."""

import numpy as np
import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.sudoku.board import BOX_SHAPES, board
from hrmlab.data.sudoku.generator import TIERS, choose_tier, generate, generate_for_keys
from hrmlab.data.sudoku.rules import breaks_no_rule, complete_and_valid
from hrmlab.data.sudoku.solver import solve


def exact_cover_solutions(question: list[int], side: int, limit: int = 2) -> list[list[int]]:
    height, width = BOX_SHAPES[side]
    demands: dict = {}
    choices: dict = {}
    for row in range(side):
        for column in range(side):
            for digit in range(1, side + 1):
                box = row // height * (side // width) + column // width
                met = [("cell", row, column), ("row", row, digit), ("column", column, digit), ("box", box, digit)]
                choices[row, column, digit] = met
                for demand in met:
                    demands.setdefault(demand, set()).add((row, column, digit))

    def choose(choice) -> list:
        removed = []
        for demand in choices[choice]:
            for other in demands[demand]:
                for elsewhere in choices[other]:
                    if elsewhere != demand:
                        demands[elsewhere].discard(other)
            removed.append(demands.pop(demand))
        return removed

    def restore(choice, removed: list) -> None:
        for demand in reversed(choices[choice]):
            demands[demand] = removed.pop()
            for other in demands[demand]:
                for elsewhere in choices[other]:
                    if elsewhere != demand:
                        demands[elsewhere].add(other)

    found: list[list[int]] = []
    chosen: list = []

    def descend() -> None:
        if not demands:
            grid = [0] * side * side
            for row, column, digit in chosen:
                grid[row * side + column] = digit
            found.append(grid)
            return
        demand = min(demands, key=lambda name: len(demands[name]))
        for choice in list(demands[demand]):
            chosen.append(choice)
            removed = choose(choice)
            descend()
            restore(choice, removed)
            chosen.pop()
            if len(found) >= limit:
                return

    for cell, digit in enumerate(question):
        if digit:
            choice = (cell // side, cell % side, digit)
            if any(demand not in demands for demand in choices[choice]):
                return []
            chosen.append(choice)
            choose(choice)
    descend()
    return found


@pytest.mark.parametrize(("side", "difficulty"), [(side, tier) for side in (4, 6, 9) for tier in (None, *TIERS[side]) if tier != "extreme"])
def test_generated_puzzles_have_exactly_one_solution_and_it_is_the_stated_one(side, difficulty):
    questions, solutions, ratings = generate(8, side=side, difficulty=difficulty, seed=3, chunk=8)
    for question, solution in zip(questions.tolist(), solutions.tolist(), strict=True):
        assert exact_cover_solutions(question, side) == [solution]
    tier = choose_tier(side, difficulty, None, None)
    assert ((ratings >= tier.minimum_rating) & (ratings <= tier.maximum_rating)).all()
    assert np.array_equal(solve(questions, board(side))[2], ratings)


@pytest.mark.parametrize("side", [4, 6, 9])
def test_hard_puzzles_are_minimal(side):
    questions, _, _ = generate(3, side=side, seed=1, chunk=8)
    for question in questions:
        for cell in np.flatnonzero(question):
            fewer = question.copy()
            fewer[cell] = 0
            assert solve(fewer[None], board(side))[1][0] == 2


@pytest.mark.parametrize("side", [4, 6, 9])
def test_counting_agrees_with_the_independent_solver_when_clues_are_missing_or_wrong(side):
    rng = np.random.default_rng(side)
    questions, _, _ = generate(6, side=side, difficulty="easy", seed=5)
    for question in questions:
        question[rng.permutation(np.flatnonzero(question))[: side // 2 + 1]] = 0
    wrong = questions.copy()
    wrong[:, 0] = wrong[:, 0] % side + 1
    for batch in (questions, wrong):
        solutions, counts, _ = solve(batch, board(side))
        for question, solution, count in zip(batch.tolist(), solutions.tolist(), counts, strict=True):
            independent = exact_cover_solutions(question, side)
            assert len(independent) == count
            assert count != 1 or independent == [solution]


def test_a_puzzle_is_a_pure_function_of_its_key():
    keys = np.array([5, 6, 2**63 + 9], np.uint64)
    tier = choose_tier(9, "hard", None, None)
    together = generate_for_keys(keys, board(9), tier=tier)
    alone = generate_for_keys(keys[2:], board(9), tier=tier)
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one[2:], other)


def test_rules():
    layout = board(6)
    questions, solutions, _ = generate(4, side=6, seed=2)
    solutions = solutions.astype(np.int64)
    assert complete_and_valid(solutions, layout).all()
    assert breaks_no_rule(questions, solutions, layout).all()
    swapped = solutions % 6 + 1  # a proper grid, but not with these clues
    assert complete_and_valid(swapped, layout).all()
    assert not breaks_no_rule(questions, swapped, layout).any()
    for value in (0, -1, 7, -100, 1000):
        changed = solutions.copy()
        changed[:, 5] = value
        assert not breaks_no_rule(questions, changed, layout).any()


def test_there_are_no_other_sides_or_tiers():
    with pytest.raises(UserError, match=r"data.side=5 .* use 4, 6 or 9"):
        board(5)
    with pytest.raises(UserError, match=r"data.difficulty=hard does not exist for data.side=4"):
        choose_tier(4, "hard", None, None)
