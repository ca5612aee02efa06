"""Code tasks: functions to be written from signature and docstring, one token after the other."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hrmlab.core.components import Options
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.cache import cached_text
from hrmlab.data.code.encoding import Asked, Document, document, fits, packed_rows, padded_rows, prompt_ids
from hrmlab.data.code.measures import ROW_TOKEN_ACCURACY, WORDS, code_measures
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.example_set import ExampleSet, Splits, check_length, make_set
from hrmlab.data.task import Task
from hrmlab.data.trivial import TRAINING_ROWS, Trivial, spread
from hrmlab.data.written import tokenizer as tokenizers
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord, Records, from_lines, to_lines
from hrmlab.data.written.tokenizer import PAD, ByteTokenizer, Tokenizer, clip_left

Layout = Literal["padded", "packed"]
_PROBLEMS = 1_000
"""Problems of the test split whose bits under token frequencies are counted."""


@dataclass(frozen=True, kw_only=True)
class CodeOptions(Options):
    """How records become rows of tokens, the same keywords for every code task.

    Attributes:
        tokenizer: ``bytes``, ``characters`` (of ASCII, and the tags of reasoning), ``bpe`` (learned from the training split), a name on
            the Hugging Face hub, or a path of a tokenizer.json.
        vocabulary_size: of ``bpe``.
        sequence_length: tokens in a row.
        layout: of training rows: ``padded`` (one document each) or ``packed`` (several, which do not see each other).
        asked: ``solution``: only the solution's tokens are learned and scored; ``everything``: the problem's as well.
        attention: ``causal``; ``full`` lets every position see its own label, which the causality audit refuses.
        counts: what comparisons rest on: ``pass_at_1``, or ``token_accuracy`` (of the original code comparison, to look at its claim);
            None: pass@1 where there are tests and attention is causal, otherwise whole solutions under given tokens.
        seed: of the packing order, and of what else a task draws.
    """

    tokenizer: str = "bytes"
    vocabulary_size: int = 4096
    sequence_length: int = 512
    layout: Layout = "packed"
    asked: Asked = "solution"
    attention: Literal["causal", "full"] = "causal"
    counts: Literal["pass_at_1", "token_accuracy"] | None = None
    seed: int = 0


class CodeTask(Task):
    """What all code tasks share: records in, rows of next-token prediction out. Subclasses say where records come from.

    Args:
        name: of the task in folders and tables.
        options: how records become rows.
    """

    words = WORDS
    class_rule: str
    source: str
    tested: bool = True
    """Whether the problems have tests, so that what a model writes is run."""
    shared_on_purpose: str = ""
    """Why examples repeat across splits, where a protocol wants it."""
    templated_sets: tuple[str, ...] = ()
    """Test splits from the same grammar as the training split, which therefore share phrases with it and no programs."""

    def __init__(self, *, name: str, options: CodeOptions) -> None:
        length, tokenizer = options.sequence_length, options.tokenizer
        if length < 8:
            raise UserError(f"data.sequence_length={length} holds no function; give at least 8 tokens")
        check_length(length, where=f"data.sequence_length={length}")
        self._options = options
        self._tokenizer: Tokenizer | None = None
        if tokenizer == "bytes":
            self._tokenizer = ByteTokenizer()
        elif tokenizer == "characters":
            self._tokenizer = tokenizers.character_tokenizer()
        elif tokenizer == "bpe":
            tokenizers.check_vocabulary_size(options.vocabulary_size)
        else:
            self._tokenizer = tokenizers.pretrained(tokenizer)
        self.spec = TaskSpec(
            name=name,
            sequence_length=length,
            vocabulary_size=self._tokenizer.vocabulary_size if self._tokenizer else options.vocabulary_size,
            attention=options.attention,
            next_token=True,
            document_start=tokenizers.PROBLEM if options.layout == "packed" else None,
        )
        runs = self.tested and options.attention == "causal"
        if options.counts == "pass_at_1" and not runs:
            raise UserError(f"data.counts=pass_at_1 needs programs that are run, and {name} runs none; give null or token_accuracy")
        self.measures = code_measures(runs=runs, counts=options.counts)
        self._records: Records | None = None
        self._kept: Records | None = None

    # ---- what subclasses say -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def make_records(self, *, progress: bool) -> Records:
        """The records of ``train``, ``validation`` and one or more test splits, the first of which is the one that counts."""

    @abstractmethod
    def identity(self) -> Mapping[str, object]:
        """Everything that :meth:`make_records` depends on, for the cache."""

    # ---- records and tokens ------------------------------------------------------------------------------------------------------------

    def records(self, *, progress: bool = False) -> Records:
        """The records of every split, those that are too long for a row included; made once and cached."""
        if self._records is None:
            kind, identity = f"code_{type(self).__name__.lower()}", {**self.identity()}
            text = cached_text(kind, identity, lambda: to_lines(self.make_records(progress=progress)), suffix="jsonl")
            self._records = from_lines(text)
        return self._records

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer; one of our own is learned from the training split at first use, and cached."""
        if self._tokenizer is None:

            def build() -> str:
                texts = [record.prompt + record.canonical_solution for record in self.records()["train"]]
                return tokenizers.train_bpe(texts, vocabulary_size=self._options.vocabulary_size).to_text()

            text = cached_text("code_bpe", {**self.identity(), "vocabulary_size": self._options.vocabulary_size}, build, suffix="json")
            self._tokenizer = tokenizers.from_text(text, vocabulary_size=self._options.vocabulary_size)
        return self._tokenizer

    def _fitting(self, *, progress: bool) -> dict[str, list[tuple[CodeRecord, Document]]]:
        """What fits into a row, as records and as documents: train, validation, the test split that counts, further ones that hold any.

        Raises:
            UserError: nothing of a split that is needed fits.
        """
        length = self.spec.sequence_length
        fitting = {}
        for split, records in self.records(progress=progress).items():
            read = ((record, document(record, self.tokenizer)) for record in records)
            fitting[split] = [(record, item) for record, item in read if fits(item, length)]
        first, *others = [split for split in fitting if split not in ("train", "validation")]
        for split in ("train", "validation", first):
            if not fitting[split]:
                raise UserError(f"no record of {split} fits into data.sequence_length={length} tokens; raise it")
        # There may be no long programs in short rows.
        return {split: fitting[split] for split in ("train", "validation", first, *(split for split in others if fitting[split]))}

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`. Records longer than a row are left out and counted."""
        fitting = self._fitting(progress=progress)
        kept = self._kept = {split: [record for record, _ in read] for split, read in fitting.items()}
        documents = {split: [item for _, item in read] for split, read in fitting.items()}
        dropped = {split: len(records) - len(kept.get(split, ())) for split, records in self.records().items()}
        sets = {
            split: self._padded(records, documents[split])
            for split, records in kept.items()
            if split != "train" or self._options.layout == "padded"
        }
        if self._options.layout == "packed":
            rows = packed_rows(
                documents["train"], sequence_length=self.spec.sequence_length, asked=self._options.asked, seed=self._options.seed
            )
            sets["train"] = make_set(
                inputs=rows.inputs, labels=rows.labels, classes=np.zeros(len(rows.inputs), np.uint64), sources="packed"
            )
        _, _, first, *others = kept
        return Splits(
            train=sets["train"],
            validation=sets["validation"],
            test=sets[first],
            other_tests={split: sets[split] for split in others},
            train_classes=_classes(kept["train"]),
            class_rule=self.class_rule,
            source=self.source,
            dropped={split: count for split, count in dropped.items() if count},
            shared_on_purpose=self.shared_on_purpose,
        )

    def written(self) -> WrittenProblems:
        """See :meth:`hrmlab.data.task.Task.written`: the records that fit into a row."""
        if self._kept is None:
            self._kept = {split: [record for record, _ in read] for split, read in self._fitting(progress=False).items()}
        tests = {split: records for split, records in self._kept.items() if split not in ("train", "validation")}
        return WrittenProblems(
            training=self._kept["train"],
            tests=tests,
            tokenizer=self.tokenizer,
            templated=tuple(split for split in self.templated_sets if split in tests),
        )

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: the beginning of a program, as a model reads it to write the rest."""
        length = self.spec.sequence_length
        ids = clip_left(prompt_ids(text, self.tokenizer), length)
        return np.array(ids + [PAD] * (length - len(ids)), np.int32)

    def facts(self) -> dict[str, Any]:
        """See :meth:`hrmlab.data.task.Task.facts`: the tokenizer."""
        return {"tokenizer": self.tokenizer.facts()}

    def _padded(self, records: list[CodeRecord], documents: list[Document]) -> ExampleSet:
        """Records, given as documents too, as padded rows: one example each, rated by depth. All of them must fit."""
        rows = padded_rows(documents, sequence_length=self.spec.sequence_length, asked=self._options.asked)
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

    def score(self, inputs: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        """The share of each row's asked tokens that are right, where comparisons rest on it."""
        if ROW_TOKEN_ACCURACY not in self.measures:
            return {}
        asked = labels != IGNORED_LABEL
        right = ((predictions == labels) & asked).sum(axis=1)
        return {ROW_TOKEN_ACCURACY.name: right / np.maximum(asked.sum(axis=1), 1)}

    def trivial(self, train: ExampleSet, test: ExampleSet) -> list[Trivial]:
        """See :meth:`hrmlab.data.task.Task.trivial`; who knows the most frequent token may know how frequent every token is: its bits."""
        copied, frequent = super().trivial(train, test)
        bits = self._bits_of_frequencies(train)
        meaning = f"{frequent.meaning}; bits per byte: of each token's frequency there"
        return [copied, replace(frequent, meaning=meaning, expected={"bits_per_byte": bits})]

    def _bits_of_frequencies(self, train: ExampleSet) -> float:
        """Bits that a byte of the test solutions takes under the frequencies of asked training tokens, each counted once more."""
        problems = next(iter(self.written().tests.values()))
        asked = train.labels[spread(len(train), TRAINING_ROWS)]
        counts = 1 + np.bincount(asked[asked != IGNORED_LABEL], minlength=self.spec.vocabulary_size)
        of_token = np.log2(counts.sum()) - np.log2(counts)
        bits, size = 0.0, 0
        for place in spread(len(problems), _PROBLEMS).tolist():
            solution = problems[place].canonical_solution
            bits += float(of_token[self.tokenizer.encode(solution)].sum())
            size += len(solution.encode("utf-8", errors="replace"))
        return bits / size

    def to_text(self, tokens: np.ndarray) -> str:
        """The text of (S,) ids."""
        return self.tokenizer.decode(tokens.tolist())


def _classes(records: list[CodeRecord]) -> np.ndarray:
    """(N,) uint64 program classes; 0 where unknown."""
    return np.array([int(record.program_hash or "0", 16) for record in records], dtype=np.uint64)
