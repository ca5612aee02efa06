"""``data=python_functions``: documented functions of Python's standard library, for language modelling."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass

from hrmlab.core.randomness import stream_key
from hrmlab.data.code.coinciding import VERSION as COINCIDING_VERSION
from hrmlab.data.code.encoding import Asked
from hrmlab.data.code.library.clean import clean_functions
from hrmlab.data.code.task import CodeOptions, CodeTask
from hrmlab.data.example_set import check_counts
from hrmlab.data.written.record import CodeRecord, Records

VERSION = 2
"""Raise it whenever the corpus is cleaned otherwise, so that caches are made anew."""


@dataclass(frozen=True, kw_only=True)
class FunctionOptions(CodeOptions):
    """Of longer documents, which are learned as a whole; the seed also chooses the order of the functions."""

    vocabulary_size: int = 8192
    sequence_length: int = 1024
    asked: Asked = "everything"


_DEFAULTS = FunctionOptions()


class PythonFunctionsTask(CodeTask):
    """Functions of the installed Python's standard library (PSF licence); one in twenty is held out, for validation and test by halves.

    Functions that coincide with a HumanEval problem, and training functions that coincide with a held-out one (docs/code.md, the
    contamination audit), are left out. They come without tests: what is measured is how well they are predicted.

    Args:
        train_examples: so many; None for all that fit.
        options: see :class:`CodeOptions`.
    """

    class_rule = "functions with equal normalised syntax trees"
    source = "generated"
    tested = False

    def __init__(self, *, train_examples: int | None = None, options: FunctionOptions = _DEFAULTS) -> None:
        check_counts(train=train_examples)
        self._train_examples = train_examples
        super().__init__(name="python_functions", options=options)

    def identity(self) -> Mapping[str, object]:
        return {
            "version": VERSION,
            "functions": COINCIDING_VERSION,
            "python": platform.python_version(),
            "seed": self._options.seed,
            "train": self._train_examples,
            "max_bytes": self._options.sequence_length - 2,
        }

    def make_records(self, *, progress: bool) -> Records:
        limit = self._options.sequence_length - 2
        held_out = clean_functions(seed=self._options.seed, count=None, split="validation", max_bytes=limit)
        return {
            "train": clean_functions(seed=self._options.seed, count=self._train_examples, max_bytes=limit, held_out=held_out),
            "validation": [record for record in held_out if not _is_test(record)],
            "test": [record for record in held_out if _is_test(record)],
        }


def _is_test(record: CodeRecord) -> bool:
    """Which half a held-out function belongs to; functions of one name stay together."""
    return stream_key(0, "python functions", record.entry_point) % 2 == 1
