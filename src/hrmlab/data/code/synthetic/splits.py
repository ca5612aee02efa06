"""Draws training, validation and test sets of synthetic programs that share no program."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

from hrmlab.core.errors import UserError
from hrmlab.data.code.normal_form import normalised_ast_hash
from hrmlab.data.code.synthetic.draws import Draws
from hrmlab.data.code.synthetic.execution import Unbounded, behaviour, fingerprint, outputs
from hrmlab.data.code.synthetic.kinds import KINDS, Grammar
from hrmlab.data.code.synthetic.operation import Kind, Operation, Piece, Program, ValueType
from hrmlab.data.code.synthetic.probes import probe_inputs
from hrmlab.data.code.synthetic.programs import Styles, check_style, draw_style, make_record
from hrmlab.data.code.synthetic.rendering import body, prompt
from hrmlab.data.written.record import CodeRecord

GENERATOR_VERSION = 3
"""Raise when the records for the same arguments change: cached sets are keyed by it."""

TEST_SHARE, VALIDATION_SHARE = 0.12, 0.06
"""Shares of all programs, by their hash, that belong to the test splits together and to validation; the rest is for training."""

ANCHORED_VARIANTS = 4
"""A kind with no more variants than this is in training on its own: whoever has never seen ``sum`` cannot be asked to compose it."""

MOST_REJECTED = 20_000
"""A split is given up when so many programs in a row bring nothing new (a chain of kinds that does not fit counts a twentieth)."""

_TRIES = 200

MAY_FALL_SHORT = ("test_deeper", "test_unseen_composition")
"""Splits that hold what can be found where ``max_bytes`` or ``families`` leave less than was asked for, down to nothing."""

SPLITS = ("train", "validation", "test_iid", "test_deeper", "test_unseen_composition")


def generate_splits(
    *,
    seed: int,
    train: int,
    validation: int,
    test: int,
    max_depth: int = 3,
    deeper: int = 2,
    families: Sequence[str] | None = None,
    styles: Styles = "all",
    paraphrases: int | None = None,
    depth_weights: Sequence[float] | None = None,
    max_bytes: int | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, list[CodeRecord]]:
    """Records for the five splits, the same ones for the same arguments.

    No two splits share a program: neither a behaviour on the probe inputs of the signature nor a normalised syntax tree. Training may
    hold a program several times in different words or code; the other splits hold each program once. Training begins with one program
    for each kind of operation; more training records leave the first ones and the other splits as they are.

    Args:
        seed: chooses the programs. To which of training, validation and test a program belongs does not depend on it.
        train, validation: numbers of records.
        test: number of records of each of the three test splits; the latter two hold fewer, down to none, where ``max_bytes`` or
            ``families`` leave no more such programs.
        max_depth: most operations of a program in ``train``, ``validation``, ``test_iid`` and ``test_unseen_composition`` (where it
            is at least 2).
        deeper: ``test_deeper`` has ``max_depth + 1`` to ``max_depth + deeper`` operations; 0 leaves it empty.
        families: families of operations; None for all.
        styles: ``"one"`` for canonical code and fixed names, ``"all"`` for any.
        paraphrases: wordings of each phrase; None for all there are.
        depth_weights: relative frequencies of depths 1 to ``max_depth``; None for equal ones.
        max_bytes: most bytes of prompt and solution together; None for no limit.
        progress: is called with 1 for each record.

    Raises:
        UserError: an argument is out of range, or there are not so many programs.
    """
    weights = _check(
        train=train, validation=validation, test=test, max_depth=max_depth, deeper=deeper, depth_weights=depth_weights, max_bytes=max_bytes
    )
    check_style(styles, paraphrases)
    drawing = _Drawing(
        grammar=Grammar(families, alone=max_depth == 1),
        seed=seed,
        styles=styles,
        paraphrases=paraphrases,
        max_bytes=max_bytes,
        progress=progress,
    )
    composed = [0.0, *weights[1:]] if sum(weights[1:]) > 0 else [0.0] + [1.0] * max(1, max_depth - 1)
    splits = {
        "test_iid": drawing.split("test_iid", test, weights),
        "test_unseen_composition": drawing.split("test_unseen_composition", test, composed),
        "test_deeper": drawing.split("test_deeper", test if deeper else 0, [0.0] * max_depth + [1.0] * deeper),
        "validation": drawing.split("validation", validation, weights),
        "train": drawing.split("train", train, weights),
    }
    return {name: splits[name] for name in SPLITS}


def _check(*, depth_weights: Sequence[float] | None, max_bytes: int | None, **counts: int) -> list[float]:
    for name, count in counts.items():
        least = 1 if name == "max_depth" else 0
        if count < least:
            field = name if name in ("max_depth", "deeper") else f"{name}_examples"
            raise UserError(f"data.{field}={count} is too small; use at least {least}")
    if max_bytes is not None and max_bytes < 60:
        raise UserError(f"data.max_bytes={max_bytes} leaves no room for a function with a docstring; use at least 60, or null for no limit")
    depth = counts["max_depth"]
    if depth_weights is None:
        return [1.0] * depth
    weights = [float(each) for each in depth_weights]
    if len(weights) != depth or min(weights) < 0 or sum(weights) == 0:
        raise UserError(
            f"data.depth_weights={weights} must be data.max_depth={depth} numbers of at least 0 that are not all 0; give one for each depth"
        )
    return weights


@lru_cache(maxsize=1)
def anchored() -> frozenset[str]:
    """Hashes of the single operations of kinds with few variants."""
    programs = [
        (Operation(each, pieces),) for each in KINDS if each.starts and each.variants <= ANCHORED_VARIANTS for pieces in _fillings(each)
    ]
    return frozenset(fingerprint(program) for program in programs)


def _fillings(kind: Kind) -> list[tuple[Piece, ...]]:
    chains: list[tuple[Piece, ...]] = [()]
    for pieces in kind.slots.values():
        chains = [(*chain, piece) for chain in chains for piece in pieces]
    return chains


def side_of(program_hash: str) -> str:
    """``"train"``, ``"validation"`` or ``"test"``: where the program of this hash belongs, whatever the seed and the counts."""
    position = int(program_hash, 16) / 2**64
    if program_hash in anchored() or position >= TEST_SHARE + VALIDATION_SHARE:
        return "train"
    return "test" if position < TEST_SHARE else "validation"


class _Drawing:
    """Draws one split after the other and keeps account of what is taken."""

    def __init__(
        self,
        *,
        grammar: Grammar,
        seed: int,
        styles: Styles,
        paraphrases: int | None,
        max_bytes: int | None,
        progress: Callable[[int], None],
    ) -> None:
        self._grammar, self._seed, self._progress = grammar, seed, progress
        self._styles: Styles = styles
        self._paraphrases, self._max_bytes = paraphrases, max_bytes
        self._owners: dict[str, str] = {}
        self._texts: set[str] = set()

    def split(self, name: str, count: int, weights: Sequence[float]) -> list[CodeRecord]:
        """That many records of the split; ``weights`` are those of depths 1, 2, and so on."""
        draws = Draws(self._seed, "code", name)
        cumulative = list(accumulate(weights))
        awaited = list(self._grammar.kinds) if name == "train" else []
        records: list[CodeRecord] = []
        rejected = 0.0
        while len(records) < count and rejected < MOST_REJECTED:
            containing = awaited.pop() if awaited else None
            depth = 1 + draws.weighted(cumulative)
            for _ in range(_TRIES):  # at one depth, or those at which most draws are rejected would become rare
                program = self._grammar.draw(depth, draws, containing=containing, unseen=name == "test_unseen_composition")
                record = None if program is None else self._record(name, len(records), program, draws)
                rejected += 0.05 if program is None else 1.0
                if record is not None:
                    records.append(record)
                    self._progress(1)
                    rejected = 0.0
                    break
        if len(records) < count and name not in MAY_FALL_SHORT:
            raise UserError(
                f"data.{name.partition('_')[0]}_examples={count} programs of {name} were asked for, but after {len(records)} no new ones "
                "are found; ask for fewer, or allow more depth, families, styles or bytes"
            )
        return records

    def _record(self, split: str, number: int, program: Program, draws: Draws) -> CodeRecord | None:
        style = draw_style(program, draws, styles=self._styles, paraphrases=self._paraphrases)
        text = prompt(program, style) + body(program, style)
        unnamed = text.replace(f"{style.entry_point}(", "(")
        if (self._max_bytes is not None and len(text.encode()) > self._max_bytes) or unnamed in self._texts:
            return None
        program_hash = identity(program, side=split.partition("_")[0])
        if program_hash is None:
            return None
        owner = self._owners.get(program_hash)
        if owner is not None and not owner == split == "train":
            return None
        record = make_record(program, style, task_id=f"synthetic/{split}/{number}", program_hash=program_hash, family=family_of(program))
        if record is None:
            return None
        tree = f"tree {normalised_ast_hash(text)}"
        own, rivals = integer_claims(program)
        if any(self._owners.get(claim, split) != split for claim in (tree, *rivals)):
            return None
        self._owners.update(dict.fromkeys((program_hash, tree, *own), split))
        self._texts.add(unnamed)
        return record


def family_of(program: Program) -> str:
    """The family that the operations share, else that of a program of one type of thing, else ``"mixed"``."""
    families = {each.kind.family for each in program}
    return families.pop() if len(families) == 1 else "mixed"


def identity(program: Program, *, side: str | None = None) -> str | None:
    """The program's hash.

    Returns:
        None where the program is not worth asking (unbounded, constant, or the same without one of its operations) or does not belong
        to ``side`` (see :func:`side_of`), unless that is None.
    """
    takes = program[0].kind.takes
    inputs = probe_inputs(takes)
    try:
        results = outputs(program, inputs)
        program_hash = behaviour(takes, results)
        if side is not None and side != side_of(program_hash):
            return None
        if len({repr(result) for result in results}) < 2 or (len(takes) == 1 and results == [arguments[0] for arguments in inputs]):
            return None
        for place in range(len(program) if len(program) > 1 else 0):
            rest = program[:place] + program[place + 1 :]
            if _fits(rest, takes) and outputs(rest, inputs) == results:
                return None
    except Unbounded:
        return None
    return program_hash


def _fits(program: Program, takes: tuple[ValueType, ...]) -> bool:
    """Whether the chain is well typed and can be applied to arguments of these types."""
    first = program[0].kind.takes
    return (
        len(first) == len(takes)
        and all(wanted.accepts(given) for wanted, given in zip(first, takes, strict=True))
        and all(len(two.kind.takes) == 1 and two.kind.takes[0].accepts(one.kind.gives) for one, two in pairwise(program))
    )


_INTEGERS = (ValueType.COUNT, ValueType.NATURAL, ValueType.INTEGER)
"""From the narrowest to the widest."""


def integer_claims(program: Program) -> tuple[list[str], list[str]]:
    """Ties between programs of one integer, of one natural number and of one count, whose signatures look the same in a prompt.

    Two such programs of different types are the same where both are defined if one's own claims and the other's rivals meet, so what is
    taught for natural numbers is not asked for integers.

    Returns:
        its own claims and its rivals; two empty lists for other programs.
    """
    first, *others = program[0].kind.takes
    if others or first not in _INTEGERS:
        return [], []
    wide = _INTEGERS.index(first)
    seen = [behaviour((kind,), outputs(program, probe_inputs((kind,)))) for kind in _INTEGERS[: wide + 1]]
    own = [f"integer {wide} {digest}" for digest in seen]
    rivals = [f"integer {other} {seen[min(other, wide)]}" for other in range(len(_INTEGERS)) if other != wide]
    return own, rivals
