"""``data=corpus``: documents of the user's own, as many as a disk holds."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from hrmlab.config.values import FromZeroBelow
from hrmlab.core.errors import UserError
from hrmlab.data.cache import cached_folder, cached_text
from hrmlab.data.code.encoding import Asked, document
from hrmlab.data.code.task import CodeOptions, CodeTask
from hrmlab.data.corpus.arrow import RowWriter, mapped_column
from hrmlab.data.corpus.documents import documents, fingerprint, source
from hrmlab.data.corpus.rows import pieces, write_stream
from hrmlab.data.example_set import ExampleSet, Splits, check_counts, make_set
from hrmlab.data.written import tokenizer as tokenizers
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord, Records
from hrmlab.data.written.tokenizer import Tokenizer

VERSION = 1
"""Raise it whenever documents are divided or cut otherwise, so that caches are made anew."""

_MOST = 1000
"""Documents that are held out for each of validation and test, unless more are asked for."""


@dataclass(frozen=True, kw_only=True)
class CorpusOptions(CodeOptions):
    """Of documents that are learned as a whole; the seed also chooses which are held out."""

    vocabulary_size: int = 8192
    sequence_length: int = 1024
    asked: Asked = "everything"


_DEFAULTS = CorpusOptions()


class _Again:
    """What a function gives, as often as somebody goes through it."""

    def __init__(self, make: Callable[[], Iterator[CodeRecord]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[CodeRecord]:
        return self._make()


class CorpusTask(CodeTask):
    """Next-token prediction over documents that memory need not hold.

    They are divided, turned into tokens and written into an Arrow file once, in the cache; training reads by memory map the rows that it
    draws. What is measured is how well held-out documents are predicted.

    Args:
        path: .jsonl (``text``, or ``prompt`` and ``canonical_solution``), .txt (documents between empty lines), either gzipped, or a folder
            of ``save_to_disk``, whose splits validation and test are used where there are any.
        validation_path, test_path: the same for the other sets; without them they are held out of ``path``.
        held_out_share: share of the documents that validation, and test, may take of ``path``, by a hash of what they say.
        validation_examples, test_examples: documents of each, the first; None for at most 1000.
        in_memory: training rows are held on the training device, as those of other tasks; the draws are the same.
        options: see :class:`hrmlab.data.code.task.CodeOptions`; the layout is always ``packed``.

    Raises:
        UserError: a path is missing, or of no kind that can be read.
    """

    class_rule = "documents of equal text"
    source = "file"
    tested = False

    def __init__(
        self,
        *,
        path: str | None = None,
        validation_path: str | None = None,
        test_path: str | None = None,
        held_out_share: Annotated[float, FromZeroBelow(0.5)] = 0.01,
        validation_examples: int | None = None,
        test_examples: int | None = None,
        in_memory: bool = False,
        options: CorpusOptions = _DEFAULTS,
    ) -> None:
        if not path:
            raise UserError("data=corpus needs data.path=<a .jsonl or .txt file, or a folder of save_to_disk>")
        if options.layout != "packed":
            raise UserError(f"data.layout={options.layout}: the rows of a corpus are cut out of one stream; use data.layout=packed")
        check_counts(validation=validation_examples, test=test_examples)
        self._counts = {"validation": validation_examples or _MOST, "test": test_examples or _MOST}
        self._share, self._in_memory = held_out_share, in_memory
        self._sources = {"train": source(path, field="data.path")}
        for split, given in (("validation", validation_path), ("test", test_path)):
            if given:
                self._sources[split] = source(given, field=f"data.{split}_path", split=_only_split(given, split))
            elif Path(path).is_dir() and _has_split(path, split):
                self._sources[split] = source(path, field="data.path", split=split)
        name = re.sub(r"[^a-z0-9]+", "_", Path(path).name.removesuffix(".gz").rpartition(".")[0].lower() or Path(path).name.lower())
        super().__init__(name="corpus_" + (name.strip("_") or "data"), options=options)

    def identity(self) -> Mapping[str, object]:
        """See :meth:`CodeTask.identity`: of files their names, sizes and times of change."""
        return {
            "version": VERSION,
            "sources": {split: fingerprint(origin) for split, origin in self._sources.items()},
            "share": self._share,
            "counts": self._counts,
            "seed": self._options.seed,
        }

    # ---- which documents ---------------------------------------------------------------------------------------------------------------

    def make_records(self, *, progress: bool) -> Records:
        """See :meth:`CodeTask.make_records`: the held-out documents; those of training are too many to be held."""
        held: Records = {"validation": [], "test": []}
        classes: set[str] = set()
        for split in ("test", "validation"):
            if split in self._sources:
                records = [record for record in documents(self._sources[split]) if record.program_hash not in classes]
                held[split] = records[: self._counts[split]]
                classes.update(record.program_hash for record in records)
        wanted = [split for split in held if split not in self._sources]
        for record in documents(self._sources["train"]) if wanted else ():
            place = (int(record.program_hash, 16) ^ self._options.seed) * 0x9E3779B97F4A7C15 % 2**64 / 2**64
            split = "test" if place < self._share else "validation" if place < 2 * self._share else "train"
            if split in wanted and len(held[split]) < self._counts[split] and record.program_hash not in classes:
                held[split].append(record)
                classes.add(record.program_hash)
        for split, records in held.items():
            if not records:
                raise UserError(
                    f"no document is held out for {split} (data.held_out_share={self._share:g}); raise it, or give data.{split}_path"
                )
        return held

    def _held_out(self) -> set[str]:
        """What held-out documents say, as hashes."""
        return {record.program_hash for records in self.records().values() for record in records}

    def training_documents(self) -> Iterator[CodeRecord]:
        """The documents of training, read again from their file: all but those that say what a held-out one says."""
        held = self._held_out()
        return (record for record in documents(self._sources["train"]) if record.program_hash not in held)

    @property
    def tokenizer(self) -> Tokenizer:
        """See :meth:`CodeTask.tokenizer`; one of our own is learned from the training documents as they pass by."""
        if self._tokenizer is None:
            size = self._options.vocabulary_size

            def build() -> str:
                texts = (record.prompt + record.canonical_solution for record in self.training_documents())
                return tokenizers.train_bpe(texts, vocabulary_size=size).to_text()

            text = cached_text("corpus_bpe", {**self.identity(), "vocabulary_size": size}, build, suffix="json")
            self._tokenizer = tokenizers.from_text(text, vocabulary_size=size)
        return self._tokenizer

    # ---- rows --------------------------------------------------------------------------------------------------------------------------

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`."""
        folder = self._converted()
        dropped = json.loads((folder / "dropped.json").read_text(encoding="utf-8"))
        inputs, labels = (mapped_column(folder / "train.arrow", name) for name in ("inputs", "labels"))
        # What is the same for all rows takes no room.
        constant = {name: np.broadcast_to(value, len(inputs)) for name, value in _OF_EVERY_ROW.items()}
        train = ExampleSet(inputs=inputs, labels=labels, **constant)
        if self._in_memory:
            train = ExampleSet(**{name: np.array(values) for name, values in vars(train).items()}).widened()
        return Splits(
            train=train,
            validation=self._pieces(self.records()["validation"]),
            test=self._pieces(self.records()["test"]),
            train_classes=mapped_column(folder / "classes.arrow", "classes")[:, 0],
            class_rule=self.class_rule,
            source=self.source,
            dropped=dropped,
        )

    def _converted(self) -> Path:
        """The folder with the rows of training."""
        options, tokenizer = self._options, self.tokenizer
        rows = {"length": options.sequence_length, "asked": options.asked, "tokenizer": tokenizer.facts()}

        def build(folder: Path) -> None:
            held = self._held_out()
            lost = -sum(len(records) for split, records in self.records().items() if split not in self._sources)
            with RowWriter(folder / "classes.arrow", {"classes": (np.dtype(np.uint64), 1)}) as classes:

                def noted() -> Iterator[CodeRecord]:
                    nonlocal lost
                    for record in documents(self._sources["train"]):
                        if record.program_hash in held:
                            lost += 1
                        else:
                            classes.add(classes=np.array([[int(record.program_hash, 16)]], np.uint64))
                            yield record

                items = (document(record, tokenizer) for record in noted())
                length, vocabulary = options.sequence_length, self.spec.vocabulary_size
                count = write_stream(folder / "train.arrow", items, sequence_length=length, vocabulary_size=vocabulary, asked=options.asked)
            if not count:
                raise UserError(f"no document of {self._sources['train'][0]} is left for training; give more, or lower data.held_out_share")
            (folder / "dropped.json").write_text(json.dumps({"train": lost} if lost else {}), encoding="utf-8")

        return cached_folder("corpus", {**self.identity(), **rows}, build)

    def _pieces(self, records: list[CodeRecord]) -> ExampleSet:
        """Documents, each by itself in as many rows as it takes."""
        options = self._options
        cut = [pieces(document(record, self.tokenizer), sequence_length=options.sequence_length, asked=options.asked) for record in records]
        counts = [len(piece.inputs) for piece in cut]
        return make_set(
            inputs=np.concatenate([piece.inputs for piece in cut]),
            labels=np.concatenate([piece.labels for piece in cut]),
            classes=np.repeat(np.array([int(record.program_hash, 16) for record in records], np.uint64), counts),
            sources="corpus",
        )

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`: documents in a file of any kind that ``data.path`` takes, each in its rows."""
        return self._pieces(list(documents(source(str(path), field="data.path"))))

    def written(self) -> WrittenProblems:
        """See :meth:`hrmlab.data.task.Task.written`: held-out documents, whose bits per byte are measured."""
        return WrittenProblems(training=_Again(self.training_documents), tests={"test": self.records()["test"]}, tokenizer=self.tokenizer)


_OF_EVERY_ROW: dict[str, Any] = {
    "puzzle_ids": np.int32(0),
    "ratings": np.float32(np.nan),
    "sources": np.str_("corpus"),
    "classes": np.uint64(0),
    "groups": np.int32(-1),
    "weights": np.float64(1.0),
}


def _has_split(path: str, split: str) -> bool:
    from hrmlab.data.corpus.arrow import saved_files

    return split in saved_files(Path(path))


def _only_split(path: str, split: str) -> str:
    """Which split of a folder is meant by a path of its own: the one of that name, or the whole of a folder that has none."""
    return split if Path(path).is_dir() and _has_split(path, split) else "train"
