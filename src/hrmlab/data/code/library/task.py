"""``data=python_functions``: documented functions of Python's standard library, for language modelling."""

import platform
from collections.abc import Mapping
from typing import Literal

from hrmlab.core.randomness import stream_key
from hrmlab.data.code.coinciding import VERSION as COINCIDING_VERSION
from hrmlab.data.code.encoding import Asked
from hrmlab.data.code.library.clean import clean_functions
from hrmlab.data.code.task import CodeTask, Layout
from hrmlab.data.example_set import check_counts
from hrmlab.data.written.record import CodeRecord, Records

VERSION = 2
"""Raise it whenever the corpus is cleaned otherwise, so that caches are made anew."""


class PythonFunctionsTask(CodeTask):
    """Functions of the installed Python's standard library (PSF licence); one in twenty is held out, for validation and test by halves.

    Functions that coincide with a HumanEval problem, and training functions that coincide with a held-out one (docs/code.md, the
    contamination audit), are left out. They come without tests: what is measured is how well they are predicted.

    Args:
        train_examples: so many; None for all that fit.
        tokenizer, vocabulary_size, sequence_length, layout, asked, attention, seed: see :class:`CodeTask`; the seed also chooses the order.
    """

    class_rule = "functions with equal normalised syntax trees"
    source = "generated"
    tested = False

    def __init__(
        self,
        *,
        train_examples: int | None = None,
        tokenizer: str = "bytes",
        vocabulary_size: int = 8192,
        sequence_length: int = 1024,
        layout: Layout = "packed",
        asked: Asked = "everything",
        attention: Literal["causal", "full"] = "causal",
        seed: int = 0,
    ) -> None:
        check_counts(train=train_examples)
        self._train_examples, self._length = train_examples, sequence_length
        super().__init__(
            name="python_functions",
            tokenizer=tokenizer,
            vocabulary_size=vocabulary_size,
            sequence_length=sequence_length,
            layout=layout,
            asked=asked,
            attention=attention,
            seed=seed,
        )

    def identity(self) -> Mapping[str, object]:
        return {
            "version": VERSION,
            "functions": COINCIDING_VERSION,
            "python": platform.python_version(),
            "seed": self._seed,
            "train": self._train_examples,
            "max_bytes": self._length - 2,
        }

    def make_records(self, *, progress: bool) -> Records:
        limit = self._length - 2
        held_out = clean_functions(seed=self._seed, count=None, split="validation", max_bytes=limit)
        return {
            "train": clean_functions(seed=self._seed, count=self._train_examples, max_bytes=limit, held_out=held_out),
            "validation": [record for record in held_out if not _is_test(record)],
            "test": [record for record in held_out if _is_test(record)],
        }


def _is_test(record: CodeRecord) -> bool:
    """Which half a held-out function belongs to; functions of one name stay together."""
    return stream_key(0, "python functions", record.entry_point) % 2 == 1
