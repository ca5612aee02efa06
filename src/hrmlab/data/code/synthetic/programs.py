"""Turns a program into a record: text in some style, tests by running it, tests checked on mutants."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Literal

from hrmlab.core.errors import UserError
from hrmlab.data.code.synthetic.draws import Draws
from hrmlab.data.code.synthetic.execution import Unbounded, compile_function, outputs
from hrmlab.data.code.synthetic.mutation import compiled_mutants
from hrmlab.data.code.synthetic.operation import Program
from hrmlab.data.code.synthetic.probes import candidate_inputs
from hrmlab.data.code.synthetic.rendering import Style, body, prompt, source
from hrmlab.data.written.record import CodeRecord

FEWEST_TESTS, MOST_TESTS = 5, 8
FEWEST_KILLED = 3
MOST_MUTANTS = 10
_CANDIDATES = 16
_ATTEMPTS = 3
_LONGEST_TEST = 900
ENTRY_POINTS = ("f", "solve", "run", "compute", "func", "answer", "apply", "process")
LAYOUTS = ("steps", "nested", "loops")
Styles = Literal["one", "all"]


def draw_style(program: Program, draws: Draws, *, styles: Styles, paraphrases: int | None) -> Style:
    """A random style.

    Args:
        program: what is to be written.
        draws: randomness.
        styles: ``"one"`` for the canonical code and the name ``f``; ``"all"`` for any layout, form, spelling and names.
        paraphrases: of how many wordings of each phrase to choose; None for all there are.
    """
    words = paraphrases or 12
    wording = {
        "phrases": tuple(draws.integer(words) for _ in program),
        "wording": draws.integer(words),
        "opening": draws.integer(words),
        "joiner": draws.integer(words),
    }
    if styles == "one":
        return Style(**wording)
    names = (*ENTRY_POINTS, program[0].kind.name if len(program) == 1 else "pipeline")
    return Style(
        layout=draws.choice(LAYOUTS),
        entry_point=draws.choice(names),
        name=draws.integer(3),
        forms=tuple(draws.integer(12) for _ in program),
        spelling=draws.integer(6),
        **wording,
    )


def check_style(styles: str, paraphrases: int | None) -> None:
    """Raises UserError unless :func:`draw_style` accepts them."""
    if styles not in ("one", "all"):
        raise UserError(f"data.styles={styles!r} does not exist; use 'one' or 'all'")
    if paraphrases is not None and paraphrases < 1:
        raise UserError(f"data.paraphrases={paraphrases} leaves no wording; use at least 1, or null for all")


def make_record(program: Program, style: Style, *, task_id: str, program_hash: str, family: str) -> CodeRecord | None:
    """The record of a program.

    The inputs among which tests are chosen depend on the program alone, the choice also on the mutants of this spelling.

    Returns:
        None where no tests can be found that fail enough mutants of this solution.
    """
    text = source(program, style)
    function = compile_function(text, style.entry_point)
    for attempt in range(_ATTEMPTS):
        cases = _cases(program, text, function, Draws(attempt, "code", "inputs", program_hash))
        if cases is not None:
            return CodeRecord(
                task_id=task_id,
                prompt=prompt(program, style),
                canonical_solution=body(program, style),
                test=write_test(cases),
                entry_point=style.entry_point,
                depth=len(program),
                family=family,
                program_hash=program_hash,
                operations=tuple(each.kind.name for each in program),
            )
    return None


def write_test(cases: Sequence[tuple[tuple[Any, ...], Any]]) -> str:
    """``check(candidate)`` with one assertion for each pair of arguments and result."""
    lines = [f"    assert candidate({', '.join(map(repr, arguments))}) == {result!r}\n" for arguments, result in cases]
    return "def check(candidate):\n" + "".join(lines)


def _cases(program: Program, text: str, function: Any, draws: Draws) -> list[tuple[tuple[Any, ...], Any]] | None:
    """Inputs and results that tell the program from its mutants; None where these candidates do not."""
    hints = [hint for operation in program for hint in operation.hints]
    inputs = candidate_inputs(program[0].kind.takes, hints, draws, _CANDIDATES)
    try:
        wanted = outputs(program, inputs)
    except Unbounded:
        return None
    results = [function(*arguments) for arguments in inputs]
    if results != wanted:
        raise AssertionError(f"two forms of one program disagree on {inputs}: {results} and {wanted} from\n{text}")
    failing = [
        failed
        for mutant in islice(compiled_mutants(text), MOST_MUTANTS)
        if (failed := {place for place, arguments in enumerate(inputs) if mutant(*arguments) != wanted[place]})
    ]
    chosen = _choose(failing, wanted)
    killed = sum(not failed.isdisjoint(chosen) for failed in failing)
    if killed < FEWEST_KILLED or len(chosen) < FEWEST_TESTS or len({repr(wanted[place]) for place in chosen}) < 2:
        return None
    cases = [(inputs[place], wanted[place]) for place in chosen]
    return cases if len(repr(cases)) <= _LONGEST_TEST else None


def _choose(failing: Sequence[set[int]], wanted: Sequence[Any]) -> list[int]:
    """Places of inputs, in order: the first two edges, those that fail most of the mutants left, then new results."""
    chosen = list(range(min(2, len(wanted))))
    left = [failed for failed in failing if failed.isdisjoint(chosen)]
    while left and len(chosen) < MOST_TESTS:
        best = max(range(len(wanted)), key=lambda place: sum(place in failed for failed in left))
        chosen.append(best)
        left = [failed for failed in left if best not in failed]
    seen = {repr(wanted[place]) for place in chosen}
    rest = [place for place in range(len(wanted)) if place not in chosen]
    for place in sorted(rest, key=lambda place: repr(wanted[place]) in seen):
        if len(chosen) < FEWEST_TESTS:
            chosen.append(place)
    return sorted(chosen)
