"""Problems that are answered by writing a program: what a task hands to whoever lets a model write and runs the result."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class WrittenProblems:
    """Everything that writing and judging answers needs to know of a task.

    Attributes:
        training: the records that are trained on, for the audit of contamination; whoever goes through them may find them read from disk.
        tests: the problems of each test split, the one that counts (``test``) first, under the names that reports use.
        tokenizer: between text and tokens.
        templated: names of test splits that the grammar of the training text made.
        judge: says whether a completion answers a problem without tests right; None where tests alone say so.
        practice: gives so many further problems of a kind for a seed, to learn from by reward, apart from every test split: (kind, count,
            seed, held out from that learning too). None where a task has its training problems alone.
    """

    training: Iterable[CodeRecord]
    tests: Mapping[str, Sequence[CodeRecord]]
    tokenizer: Tokenizer
    templated: Collection[str] = ()
    judge: Callable[[CodeRecord, str], bool] | None = None
    practice: Callable[[str, int, int, bool], Sequence[CodeRecord]] | None = None
