"""The toy set of the original code comparison, with its duplicates and with its test set inside its training set, to look at its claim;
and the same toys with prompts that no two splits share.

Four functions (the sum of two numbers, a word reversed, the maximum of a list, even or odd) and a literal example in each prompt. That
is all there is to know: any two records of one family have the same solution.
"""

from typing import Any, Literal, NamedTuple

from hrmlab.core.errors import UserError
from hrmlab.data.code.synthetic.draws import Draws
from hrmlab.data.code.synthetic.execution import behaviour, compile_function
from hrmlab.data.code.synthetic.operation import ValueType
from hrmlab.data.code.synthetic.probes import probe_inputs
from hrmlab.data.code.synthetic.programs import write_test
from hrmlab.data.written.record import CodeRecord

PUBLISHED_SIZES: dict[int, tuple[int, int]] = {128: (150, 20), 192: (600, 100), 256: (800, 150)}
"""Training and validation records by sequence length."""

_WORDS = ("hello", "world", "python", "code", "data", "model", "test", "learn", "deep", "token")
_INTEGER, _TEXT, _NUMBERS = ValueType.INTEGER, ValueType.TEXT, ValueType.NUMBERS


class _Toy(NamedTuple):
    """One of the four functions: its ``def`` line, the sentence of its docstring, what it returns, and its test inputs."""

    family: str
    signature: str
    takes: tuple[ValueType, ...]
    sentence: str
    expression: str
    inputs: tuple[tuple[Any, ...], ...]


_TOYS = (
    _Toy("sum", "add(a, b)", (_INTEGER, _INTEGER), "Return the sum of a and b.", "a + b", ((1, 2), (0, 0), (-3, 5), (7, -9), (10, 20))),
    _Toy("reverse", "reverse(s)", (_TEXT,), "Return the word s reversed.", "s[::-1]", (("",), ("a",), ("abc",), ("ally",), ("stone",))),
    _Toy(
        "maximum",
        "largest(xs)",
        (_NUMBERS,),
        "Return the maximum of xs.",
        "max(xs)",
        (([1],), ([3, 1],), ([-5, -2],), ([4, 4],), ([0, 9],)),
    ),
    _Toy(
        "parity",
        "parity(n)",
        (_INTEGER,),
        "Return whether n is even or odd.",
        "'even' if n % 2 == 0 else 'odd'",
        ((0,), (1,), (2,), (-3,), (10,)),
    ),
)


def published_splits(*, sequence_length: Literal[128, 192, 256], seed: int, held_out: bool = False) -> dict[str, list[CodeRecord]]:
    """The splits ``train``, ``validation`` and ``test_iid`` of the original size for that sequence length.

    One generator draws them all with replacement, so records repeat within training and between training and validation. The test set
    is the validation set once more, as in the original. Prompt and solution together stay below 128 bytes.

    Args:
        sequence_length: chooses the sizes.
        seed: of the draws.
        held_out: each prompt belongs to one split (three fifths of all prompts to training, a fifth each to the others), and the test set
            is one of its own. Records still repeat within a split, and the four functions are in all of them.

    Raises:
        UserError: there is no original size for the sequence length.
    """
    if sequence_length not in PUBLISHED_SIZES:
        raise UserError(
            f"model.sequence_length={sequence_length} has no published size; use one of {', '.join(map(str, PUBLISHED_SIZES))}, "
            "or another data.protocol"
        )
    train, validation = PUBLISHED_SIZES[sequence_length]
    if held_out:
        draws = Draws(seed, "code", "published", "held out", sequence_length)
        counts = {"train": train, "validation": validation, "test_iid": validation}
        return {split: _draw(split, count, draws, only=seed) for split, count in counts.items()}
    draws = Draws(seed, "code", "published", sequence_length)
    splits = {"train": _draw("train", train, draws), "validation": _draw("validation", validation, draws)}
    return {**splits, "test_iid": splits["validation"]}


def _draw(split: str, count: int, draws: Draws, *, only: int | None = None) -> list[CodeRecord]:
    """So many records; with ``only`` (a seed) those whose prompts it gives to the split."""
    made: list[CodeRecord] = []
    while len(made) < count:
        record = _record(f"published/{split}/{len(made)}", draws)
        if only is None or _home(record.prompt, only) == split:
            made.append(record)
    return made


def _home(prompt: str, seed: int) -> str:
    """The one split that a prompt belongs to."""
    return ("train", "train", "train", "validation", "test_iid")[Draws(seed, "code", "published", "home", prompt).integer(5)]


def _record(task_id: str, draws: Draws) -> CodeRecord:
    toy = draws.choice(_TOYS)
    name = toy.signature.partition("(")[0]
    body = f"    return {toy.expression}\n"
    function = compile_function(f"def {toy.signature}:\n{body}", name)
    example = _example(toy.takes, draws)
    shown = f"{name}({', '.join(map(repr, example))}) -> {function(*example)!r}"
    probes = [arguments for arguments in probe_inputs(toy.takes) if arguments != ([],)]  # an empty list has no maximum
    return CodeRecord(
        task_id=task_id,
        prompt=f'def {toy.signature}:\n    """{toy.sentence} {shown}"""\n',
        canonical_solution=body,
        test=write_test([(arguments, function(*arguments)) for arguments in toy.inputs]),
        entry_point=name,
        depth=1,
        family=toy.family,
        program_hash=behaviour(toy.takes, [function(*arguments) for arguments in probes]),
        operations=(toy.family,),
    )


def _example(takes: tuple[ValueType, ...], draws: Draws) -> tuple[Any, ...]:
    """Arguments of the kind that is written into a prompt: digits, a common word, three digits."""
    match takes[0]:
        case ValueType.TEXT:
            return (draws.choice(_WORDS),)
        case ValueType.NUMBERS:
            return ([1 + draws.integer(5) for _ in range(3)],)
        case _:
            return tuple(draws.integer(10) for _ in takes)
