"""Code tasks: functions to be written from signature and docstring, one token after the other."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hrmlab.core.errors import UserError
from hrmlab.core.measures import CELL_ACCURACY, EXACT_ACCURACY, Measure, pass_at
from hrmlab.core.task import TaskSpec
from hrmlab.data.cache import cached
from hrmlab.data.code.encoding import Asked, Document, document, fits, packed_rows, padded_rows
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.task import Augmentation, Task
from hrmlab.data.written import tokenizer as tokenizers
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import ByteTokenizer, Tokenizer

Layout = Literal["padded", "packed"]
Records = dict[str, list[CodeRecord]]


class CodeTask(Task):
    """What all code tasks share: records in, rows of next-token prediction out. Subclasses say where records come from.

    Args:
        name: of the task in folders and tables.
        tokenizer: ``bytes``, ``bpe`` (learned from the training split), a name on the Hugging Face hub, or a path of a tokenizer.json.
        vocabulary_size: of ``bpe``.
        sequence_length: tokens in a row.
        layout: of training rows: ``padded`` (one document each) or ``packed`` (several, which do not see each other).
        asked: ``solution``: only the solution's tokens are learned and scored; ``everything``: the problem's as well.
        attention: ``causal``; ``full`` lets every position see its own label, which the causality audit refuses.
        seed: of the packing order.
    """

    class_rule: str
    source: str
    templated_sets: tuple[str, ...] = ()
    """Test splits from the same grammar as the training split, which therefore share phrases with it and no programs."""

    def __init__(
        self,
        *,
        name: str,
        tokenizer: str,
        vocabulary_size: int,
        sequence_length: int,
        layout: Layout,
        asked: Asked,
        attention: Literal["causal", "full"],
        seed: int,
    ) -> None:
        if sequence_length < 8:
            raise UserError(f"data.sequence_length={sequence_length} holds no function; give at least 8 tokens")
        self._layout: Layout = layout
        self._asked: Asked = asked
        self._seed, self._tokenizer_name, self._vocabulary_size = seed, tokenizer, vocabulary_size
        self._tokenizer: Tokenizer | None = None
        if tokenizer == "bytes":
            self._tokenizer = ByteTokenizer()
        elif tokenizer == "bpe":
            tokenizers.check_vocabulary_size(vocabulary_size)
        else:
            self._tokenizer = tokenizers.pretrained(tokenizer)
        self.spec = TaskSpec(
            name=name,
            sequence_length=sequence_length,
            vocabulary_size=self._tokenizer.vocabulary_size if self._tokenizer else vocabulary_size,
            attention=attention,
            next_token=True,
            document_start=tokenizers.PROBLEM if layout == "packed" else None,
        )
        self._records: Records | None = None

    # ---- what subclasses say -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def make_records(self, *, progress: bool) -> Records:
        """The records of ``train``, ``validation`` and one or more test splits, the first of which is the one that counts."""

    @abstractmethod
    def identity(self) -> Mapping[str, object]:
        """Everything that :meth:`make_records` depends on, for the cache."""

    # ---- records and tokens ------------------------------------------------------------------------------------------------------------

    def records(self, *, progress: bool = False) -> Records:
        """The records of every split that fit into a row, made once and cached."""
        if self._records is None:

            def build() -> dict[str, np.ndarray]:
                made = self.make_records(progress=progress)
                return {split: _as_array(json.dumps([record.to_json() for record in records])) for split, records in made.items()}

            stored = cached(f"code_{type(self).__name__.lower()}", {**self.identity()}, build)
            self._records = {split: [CodeRecord.from_json(row) for row in json.loads(_as_text(array))] for split, array in stored.items()}
        return self._records

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer; one of our own is learned from the training split at first use, and cached."""
        if self._tokenizer is None:

            def build() -> dict[str, np.ndarray]:
                texts = [record.prompt + record.canonical_solution for record in self.records()["train"]]
                return {"tokenizer": _as_array(tokenizers.train_bpe(texts, vocabulary_size=self._vocabulary_size).to_text())}

            stored = cached("code_bpe", {**self.identity(), "vocabulary_size": self._vocabulary_size}, build)
            self._tokenizer = tokenizers.from_text(_as_text(stored["tokenizer"]), vocabulary_size=self._vocabulary_size)
        return self._tokenizer

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`. Records longer than a row are left out and counted."""
        kept: Records = {}
        documents: dict[str, list[Document]] = {}
        dropped: dict[str, int] = {}
        for split, records in self.records(progress=progress).items():
            read = [(record, document(record, self.tokenizer)) for record in records]
            read = [(record, item) for record, item in read if fits(item, self.spec.sequence_length)]
            kept[split], documents[split] = [record for record, _ in read], [item for _, item in read]
            if len(read) < len(records):
                dropped[split] = len(records) - len(read)
        first, *others = [split for split in kept if split not in ("train", "validation")]
        for split in ("train", "validation", first):
            if not kept[split]:
                raise UserError(f"no record of {split} fits into data.sequence_length={self.spec.sequence_length} tokens; raise it")
        others = [split for split in others if kept[split]]  # there may be no long programs in short rows
        self._records = kept = {split: kept[split] for split in ("train", "validation", first, *others)}
        sets = {
            split: self._padded(records, documents[split])
            for split, records in kept.items()
            if split != "train" or self._layout == "padded"
        }
        if self._layout == "packed":
            rows = packed_rows(documents["train"], sequence_length=self.spec.sequence_length, asked=self._asked, seed=self._seed)
            sets["train"] = make_set(
                inputs=rows.inputs, labels=rows.labels, classes=np.zeros(len(rows.inputs), np.uint64), sources="packed"
            )
        return Splits(
            train=sets["train"],
            validation=sets["validation"],
            test=sets[first],
            other_tests={split: sets[split] for split in others},
            train_classes=_classes(kept["train"]),
            class_rule=self.class_rule,
            source=self.source,
            dropped=dropped,
        )

    def _padded(self, records: list[CodeRecord], documents: list[Document]) -> ExampleSet:
        """Records, given as documents too, as padded rows: one example each, rated by depth. All of them must fit."""
        rows = padded_rows(documents, sequence_length=self.spec.sequence_length, asked=self._asked)
        return make_set(
            inputs=rows.inputs,
            labels=rows.labels,
            classes=_classes(records),
            ratings=np.array([record.depth or np.nan for record in records]),
            sources=np.array([record.family for record in records]),
        )

    # ---- what every task answers -------------------------------------------------------------------------------------------------------

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`: a JSONL file with HumanEval's fields."""
        records = load_problems("file", path=str(path))
        documents = [document(record, self.tokenizer) for record in records]
        for number, (record, item) in enumerate(zip(records, documents, strict=True), start=1):
            if not fits(item, self.spec.sequence_length):
                raise UserError(
                    f"{path}, problem {number} ({record.task_id}) has {len(item.ids)} tokens, more than the "
                    f"{self.spec.sequence_length} of the model; leave it out, or let the run write code: evaluation=file reads longer ones"
                )
        return self._padded(records, documents)

    def augmentation(self, train: ExampleSet) -> Augmentation | None:
        """None: a program has no symmetries that its text would follow."""
        return None

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """Nothing: whether code is right is found out by running it, which is not done for predictions under given tokens."""
        return {}

    def written(self) -> WrittenProblems:
        """See :meth:`hrmlab.data.task.Task.written`."""
        records = self.records()
        tests = {name: part for name, part in records.items() if name not in ("train", "validation")}
        return WrittenProblems(training=records["train"], tests=tests, tokenizer=self.tokenizer, templated=self.templated_sets)

    def facts(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.facts()}

    measures = (
        pass_at(1, counts=True),
        EXACT_ACCURACY,
        Measure(name="bits_per_byte", wording="bits per byte", meaning="x", unit="bits per byte", larger_is_better=False),
        CELL_ACCURACY,
    )

    def to_text(self, tokens: np.ndarray) -> str:
        """The text of (S,) ids."""
        return self.tokenizer.decode(tokens.tolist())


def _classes(records: list[CodeRecord]) -> np.ndarray:
    """(N,) uint64 program classes; 0 where unknown."""
    return np.array([int(record.program_hash or "0", 16) for record in records], dtype=np.uint64)


def _as_array(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _as_text(array: np.ndarray) -> str:
    return array.tobytes().decode()
