"""``data=worked_problems``: problems with a thought and a solution, whose answers are verified and not compared with a text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from hrmlab.config.values import AtLeast, AtMost, NotEmpty
from hrmlab.core.errors import UserError
from hrmlab.core.measures import Measure
from hrmlab.core.randomness import stream, stream_key
from hrmlab.data.code.task import CodeOptions, CodeTask
from hrmlab.data.example_set import check_counts
from hrmlab.data.worked.answers import read_answer
from hrmlab.data.worked.gym import check_datasets, gym_problems
from hrmlab.data.worked.problems import KINDS, Problem
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord, Records

VERSION = 1
"""Raise it whenever problems are drawn otherwise, so that caches are made anew."""
_PARTS = 10
"""Parts that all problems fall into by what gives them away: one for the test splits, one for validation, the rest for training."""
_TRIES = 2000
"""Draws in a row that bring nothing new; after so many there are taken to be no more problems."""
ANSWER_ACCURACY = Measure(
    name="pass_at_1",
    wording="answer accuracy",
    meaning="the share of problems whose written answer is right, each tag in its place and nothing beside them",
    counts=True,
    column="passed",
)


@dataclass(frozen=True, kw_only=True)
class WorkedOptions(CodeOptions):
    """Of short rows of characters."""

    tokenizer: str = "characters"
    sequence_length: int = 128


_DEFAULTS = WorkedOptions()


class WorkedProblemsTask(CodeTask):
    """Problems that are thought through step by step: ``3+5-2=?`` is ``<think>3+5=8;8-2=6</think><SOLUTION>6</SOLUTION>``.

    Which split a problem may stand in follows from the expression that answers it, of any kind and up to the order of sums and products: so
    a sum that is tested occurs neither in a training problem, nor as a story, nor in what is drawn for practice. Test splits are ``test``
    (of the first kind) and ``test_<kind>`` for the others; functions to be written have none here, their programs being judged in practice.

    Args:
        kinds: of problems, in equal shares, the first of which is tested by ``test``; None for all of :mod:`hrmlab.data.worked.problems`.
        reasoning_gym: datasets of the package reasoning-gym, each with its options (None: its own), that are kinds of problems as well: to
            practise on, and to train on where ``kinds`` names them. See :mod:`hrmlab.data.worked.gym`.
        max_depth: operations of a problem, 1 to so many.
        largest: number that is written in a problem.
        train_examples, validation_examples, test_examples: of each split.
        options: see :class:`hrmlab.data.code.task.CodeOptions`.

    Raises:
        MissingExtra: datasets of reasoning-gym are asked for, and it is not installed.
        UserError: there is no such kind, or there are not so many problems.
    """

    class_rule = "problems with equal expressions, up to the order of sums and products"
    source = "generated"

    def __init__(
        self,
        *,
        kinds: Annotated[list[str], NotEmpty()] | None = None,
        reasoning_gym: dict | None = None,
        max_depth: Annotated[int, AtLeast(1), AtMost(9)] = 3,
        largest: Annotated[int, AtLeast(1), AtMost(99)] = 9,
        train_examples: int = 2000,
        validation_examples: int = 200,
        test_examples: int = 200,
        options: WorkedOptions = _DEFAULTS,
    ) -> None:
        check_counts(train=train_examples, validation=validation_examples, test=test_examples)
        self._gym = dict(reasoning_gym or {})
        self._gym_version = check_datasets(self._gym) if self._gym else None
        named, kinds = kinds, list(KINDS) if kinds is None else kinds
        for kind in kinds:
            self._check_kind(kind, field="data.kinds")
        if repeated := [kind for kind in kinds if kinds.count(kind) > 1]:
            raise UserError(f"data.kinds names {repeated[0]} twice; name each kind once")
        self._kinds, self._max_depth, self._largest = tuple(kinds), max_depth, largest
        self._counts = {"train": train_examples, "validation": validation_examples, "test": test_examples}
        self.templated_sets = tuple(_test_name(kind, kinds) for kind in kinds)
        super().__init__(name="_".join(["worked", *(named or ()), str(max_depth)]), options=options)
        self.measures = (ANSWER_ACCURACY, *(measure for measure in self.measures if measure.name != ANSWER_ACCURACY.name))
        self.words = replace(self.words, answer="answer")

    def _check_kind(self, kind: str, *, field: str) -> None:
        if kind not in KINDS and kind not in self._gym:
            known = ", ".join((*KINDS, *self._gym))
            raise UserError(
                f"{field}={kind} is no kind of problem; there are {known}, and any dataset of reasoning-gym that data.reasoning_gym names, "
                "such as data.reasoning_gym={chain_sum: {max_digits: 1}}"
            )

    def identity(self) -> Mapping[str, object]:
        gym = {"reasoning_gym": self._gym, "reasoning_gym_version": self._gym_version} if self._gym else {}
        return {
            "version": VERSION,
            "kinds": list(self._kinds),
            "max_depth": self._max_depth,
            "largest": self._largest,
            "counts": self._counts,
            "seed": self._options.seed,
            **gym,
        }

    def make_records(self, *, progress: bool) -> Records:
        records: Records = {"train": [], "validation": []}
        for split in ("train", "validation"):
            share = -(-self._counts[split] // len(self._kinds))
            drawn = [self.draw(kind, share, split, seed=self._options.seed) for kind in self._kinds]
            records[split] = [record for several in zip(*drawn, strict=True) for record in several][: self._counts[split]]
        for kind in self._kinds:
            if kind != "functions":
                records[_test_name(kind, self._kinds)] = self.draw(kind, self._counts["test"], "test", seed=self._options.seed)
        if len(records) == 2:
            raise UserError("data.kinds=[functions] has no test split of its own; add another kind, such as arithmetic")
        return records

    def draw(self, kind: str, count: int, split: str, *, seed: int, label: str = "", unlike: Sequence[CodeRecord] = ()) -> list[CodeRecord]:
        """So many different problems of a kind that may stand in a split.

        Args:
            kind: of :data:`hrmlab.data.worked.problems.KINDS`, or a dataset of reasoning-gym.
            count: how many.
            split: ``train`` (also for practice), ``validation`` or ``test``.
            seed, label: of the draw.
            unlike: records that no problem may be equal to in its expression.

        Raises:
            UserError: there are not so many.
        """
        taken = {record.program_hash for record in unlike}
        seen: set[str] = set()
        found = []
        misses = 0
        for problem in self._drawn(kind, count, seed, split, label):
            if misses == _TRIES:
                break
            misses += 1
            if problem.prompt in seen or _split_of(problem.known) != split:
                continue
            if (identity := _hash(problem.known)) not in taken:
                misses = 0
                seen.add(problem.prompt)
                found.append(_record(problem, f"{label or split}/{kind}/{len(found)}", kind=kind, identity=identity))
                if len(found) == count:
                    return found
        within, remedy = f"data.max_depth={self._max_depth} and data.largest={self._largest}", "raise one of the two"
        if kind not in KINDS:
            within, remedy = f"data.reasoning_gym.{kind}={self._gym[kind]}", "give options that allow more"
        raise UserError(
            f"there are only {len(found)} different problems of {kind} for {label or split} with {within}, and {count} are asked for; "
            f"ask for fewer, or {remedy}"
        )

    def _drawn(self, kind: str, count: int, seed: int, split: str, label: str) -> Iterator[Problem]:
        """Problems of a kind, of any split, endlessly or until there are no more."""
        if kind not in KINDS:
            of_gym = stream_key(seed, "worked problems", kind, split, label) % 2**31
            yield from gym_problems(kind, self._gym[kind], seed=of_gym, size=20 * count + _TRIES)
            return
        random = stream(seed, "worked problems", kind, split, label)
        while True:
            yield KINDS[kind](random, depth=int(random.integers(1, self._max_depth + 1)), largest=self._largest)

    def written(self) -> WrittenProblems:
        """See :meth:`hrmlab.data.task.Task.written`: answers are verified, and there are further problems of every kind to practise on."""
        return replace(super().written(), judge=is_right, practice=self._practice)

    def _practice(self, kind: str, count: int, seed: int, held_out: bool) -> Sequence[CodeRecord]:
        self._check_kind(kind, field="problems")
        if held_out:
            return self.draw(kind, count, "validation", seed=seed, label="held_out", unlike=self.records()["validation"])
        return self.draw(kind, count, "train", seed=seed, label="practice", unlike=self.records()["train"])


def is_right(record: CodeRecord, completion: str) -> bool:
    """Whether what a model wrote is an answer whose number is the problem's."""
    answer, wanted = read_answer(completion), read_answer(record.canonical_solution)
    return answer is not None and wanted is not None and wanted.number is not None and answer.number == wanted.number


def _test_name(kind: str, kinds: Sequence[str]) -> str:
    first = next((known for known in kinds if known != "functions"), kind)
    return "test" if kind == first else f"test_{kind}"


def _split_of(known: str) -> str:
    """The split that a problem may stand in; a pure function of its expression, whatever is drawn."""
    part = stream_key(0, "worked problems", "split", known) % _PARTS
    return {0: "test", 1: "validation"}.get(part, "train")


def _hash(known: str) -> str:
    return f"{stream_key(0, 'worked problems', 'class', known):016x}"


def _record(problem: Problem, task_id: str, *, kind: str, identity: str) -> CodeRecord:
    return CodeRecord(
        task_id=task_id,
        prompt=problem.prompt,
        canonical_solution=problem.solution,
        test=problem.test,
        entry_point="f" if problem.test else "",
        depth=problem.depth,
        family=kind,
        program_hash=identity,
        operations=(problem.expression,) if problem.expression else (),
    )
