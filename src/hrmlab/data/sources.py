"""Where a task's rows come from: its own generator, the user's files, or the Hugging Face hub."""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hrmlab.core.components import Options
from hrmlab.core.errors import UserError
from hrmlab.core.progress import progress_bar
from hrmlab.core.randomness import stream_key
from hrmlab.data.cache import cached
from hrmlab.data.compiling import announced
from hrmlab.data.example_set import ExampleSet, Splits, check_counts, make_set
from hrmlab.data.groups import weigh_the_same
from hrmlab.data.hub import read_hub
from hrmlab.data.reading import Table, read_table
from hrmlab.data.splitting import split_pool

Source = Literal["generated", "file", "hub"]

GENERATED_COUNTS = {"train": 1000, "validation": 200, "test": 1000}
"""Puzzles generated for each split unless told."""


@dataclass(frozen=True, kw_only=True)
class SourceOptions(Options):
    """The keywords that every table-based task has in common; see docs/data.md.

    Attributes:
        source: ``generated``, ``file`` or ``hub``.
        path: CSV or CSV.gz for ``source=file``, columns question, answer[, rating, source, weight].
        validation_path, test_path: the same for the other sets; without them they are split off from ``path``.
        hub_name: data set for ``source=hub``.
        train_examples, validation_examples, test_examples: puzzles per set; None: 1000, 200 and 1000 when generated, else all
            rows (a tenth, at most 1000, for a set that is split off).
        seed: chooses the puzzles, apart from the seed of training.
    """

    source: Source = "generated"
    path: str | None = None
    validation_path: str | None = None
    test_path: str | None = None
    hub_name: str | None = None
    train_examples: int | None = None
    validation_examples: int | None = None
    test_examples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.source not in ("generated", "file", "hub"):
            raise UserError(f"data.source={self.source} is unknown; use generated, file or hub")
        check_counts(**self.counts)

    @property
    def label(self) -> str:
        """What tells this source apart in a task's name: the last part of the hub name or of the path; empty for generated puzzles."""
        named = {"generated": None, "file": self.path, "hub": self.hub_name}[self.source]
        return "" if not named else "_" + re.sub(r"[^A-Za-z0-9]+", "_", Path(named).name.split(".")[0]).strip("_")

    @property
    def counts(self) -> dict[str, int | None]:
        """Rows wanted in each split."""
        return {"train": self.train_examples, "validation": self.validation_examples, "test": self.test_examples}

    def check(self) -> None:
        """Refuse combinations in which a value would be silently unused.

        Raises:
            UserError: a value that the source needs is absent, or one it does not use is present.
        """
        paths = {name: value for name, value in asdict(self).items() if name in ("path", "validation_path", "test_path") and value}
        if self.source == "file" and "path" not in paths:
            raise UserError("data.source=file needs data.path=<a CSV file with the columns question and answer>")
        if self.source != "file" and paths:
            name, value = next(iter(paths.items()))
            raise UserError(f"data.{name}={value} is not used with data.source={self.source}; add data.source=file or leave it out")
        if self.source == "hub" and not self.hub_name:
            raise UserError("data.source=hub needs data.hub_name=<owner/name of a data set on the hub, or a local folder>")


_GENERATED = tuple(name for name in ExampleSet.__dataclass_fields__ if name != "weights")
"""What a generator says of its puzzles, and the cache keeps: it weighs none of them."""

GENERATED = SourceOptions()
"""Puzzles from the task's own generator, as many as it makes unless told."""

Encode = Callable[[Table, bool], ExampleSet]
"""Turns validated text into a set of uint8 tokens; the flag says whether answers are there."""


def splits_from_tables(options: SourceOptions, encode: Encode, class_rule: str) -> Splits:
    """The splits of ``source=file`` and ``source=hub``.

    Raises:
        UserError: a file, a row or a count is bad, or the hub cannot be reached.
    """
    options.check()
    if options.source == "hub":
        tables = read_hub(str(options.hub_name))
    else:
        paths = {"train": options.path, "validation": options.validation_path, "test": options.test_path}
        tables = {split: read_table(path, labelled=True) for split, path in paths.items() if path}
    with announced():
        sets = {split: encode(table, True) for split, table in tables.items()}
    parts, dropped = split_pool(
        pool=sets["train"], validation=sets.get("validation"), test=sets.get("test"), counts=options.counts, seed=options.seed
    )
    train, validation, test = (part.widened() for part in parts)
    return Splits(
        train=train,
        validation=validation,
        test=test,
        class_rule=class_rule,
        source=options.source,
        protocol=_weighed(train.weights),
        dropped=dropped,
    )


def _weighed(weights: np.ndarray) -> str:
    """What the fairness card says of the weights of training rows; empty where all weigh the same."""
    if weigh_the_same(weights):
        return ""
    return f"training draws its rows in proportion to the column weight, which goes from {weights.min():g} to {weights.max():g}"


@dataclass(frozen=True, kw_only=True)
class Generation:
    """How a task generates.

    Attributes:
        kind: first part of the cache file's name, and the first label of every random stream.
        parameters: everything besides seed and counts that the result depends on, the generator's version included.
        draw: (N,) uint64 keys -> candidate puzzles as uint8 tokens; N or fewer rows, in the order of their keys.
        chunk: keys drawn at once.
        patience: keys in a row that may bring nothing new before the generator is taken to be exhausted.
        remedy: what to change when there are too few distinct puzzles.
    """

    kind: str
    parameters: dict
    draw: Callable[[np.ndarray], ExampleSet]
    chunk: int
    patience: int
    remedy: str


def splits_from_generator(options: SourceOptions, generation: Generation, class_rule: str, *, progress: bool) -> Splits:
    """The splits of ``source=generated``: test first, then validation, then train, each only with classes not seen before.

    Raises:
        UserError: there are not enough distinct puzzles, or the cache cannot be written.
    """
    options.check()
    counts = {split: options.counts[split] or GENERATED_COUNTS[split] for split in ("test", "validation", "train")}

    def build() -> dict[str, np.ndarray]:
        with announced(), progress_bar(f"generating {generation.kind}", sum(counts.values()), shown=progress) as advance:
            seen: set[int] = set()
            arrays = {}
            for split, count in counts.items():
                part = _distinct(generation, options.seed, split, count, seen, advance)
                arrays |= {f"{split}_{name}": getattr(part, name) for name in _GENERATED}
            return arrays

    arrays = cached(
        generation.kind,
        {**generation.parameters, "columns": list(_GENERATED), "seed": options.seed, "counts": counts},
        build,
    )
    train, validation, test = (
        make_set(**{name: arrays[f"{split}_{name}"] for name in _GENERATED}).widened() for split in ("train", "validation", "test")
    )
    return Splits(train=train, validation=validation, test=test, class_rule=class_rule, source="generated")


def _keys(generation: Generation, seed: int, split: str, chunk: int) -> Iterator[np.ndarray]:
    first = 0
    while True:
        yield np.array([stream_key(seed, generation.kind, split, index) for index in range(first, first + chunk)], np.uint64)
        first += chunk


def _distinct(generation: Generation, seed: int, split: str, count: int, seen: set[int], advance: Callable[[int], None]) -> ExampleSet:
    """``count`` puzzles of classes not in ``seen``, which is extended."""
    parts: list[ExampleSet] = []
    found, in_vain = 0, 0
    for keys in _keys(generation, seed, split, generation.chunk):
        candidates = generation.draw(keys)
        fresh = []
        for row, fingerprint in enumerate(candidates.classes.tolist()):
            if fingerprint not in seen and found + len(fresh) < count:
                seen.add(fingerprint)
                fresh.append(row)
        parts.append(candidates.select(np.array(fresh, np.int64)))
        found += len(fresh)
        advance(len(fresh))
        in_vain = 0 if fresh else in_vain + len(keys)
        if found == count:
            break
        if in_vain >= generation.patience:
            raise UserError(
                f"only {found} distinct puzzles could be generated for the {split} set where data.{split}_examples={count} "
                f"({len(seen)} in all sets together); {generation.remedy}"
            )
    return ExampleSet(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in ExampleSet.__dataclass_fields__})


def read_rows(path: str | Path, encode: Encode, *, labelled: bool) -> ExampleSet:
    """Every row of one file, in order."""
    return encode(read_table(path, labelled=labelled), labelled)
