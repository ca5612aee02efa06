"""The task of a user's own token grids."""

import re
from pathlib import Path

import numpy as np

from hrmlab.core.board import Board
from hrmlab.core.errors import UserError
from hrmlab.core.measures import Words
from hrmlab.core.task import TaskSpec
from hrmlab.data.custom.reading import Grids, read_grids
from hrmlab.data.example_set import ExampleSet, Splits, check_counts, make_set
from hrmlab.data.fingerprint import row_hash
from hrmlab.data.splitting import split_pool
from hrmlab.data.task import Task

CLASS_RULE = "examples with equal inputs"
_MOST_SYMBOLS = 32
"""Token ids that a person can still choose from, cell by cell."""


class CustomTask(Task):
    """Map input grids to output grids of the same size, token by token.

    The files are read when the task is constructed, because size and vocabulary come from them.

    Args:
        path: .npz, .npy or .jsonl file; see :func:`hrmlab.data.custom.reading.read_grids`.
        validation_path, test_path: the same for the other sets; without them they are split off from ``path``.
        train_examples, validation_examples, test_examples: examples per set; None for all (a tenth, at most 1000, for a set
            that is split off).
        vocabulary_size: token ids are 0..vocabulary_size-1; None: one more than the largest id in the files.
        puzzle_ids: number of puzzle identifiers; None: one more than the largest in the files.
        seed: chooses the split, apart from the seed of training.

    Raises:
        UserError: a file is missing or bad, or the files do not fit together.
    """

    words = Words(example="example")

    def __init__(
        self,
        *,
        path: str | None = None,
        validation_path: str | None = None,
        test_path: str | None = None,
        train_examples: int | None = None,
        validation_examples: int | None = None,
        test_examples: int | None = None,
        vocabulary_size: int | None = None,
        puzzle_ids: int | None = None,
        seed: int = 0,
    ) -> None:
        if not path:
            raise UserError("data=custom needs data.path=<a .npz, .npy or .jsonl file with inputs and labels>")
        self._counts = {"train": train_examples, "validation": validation_examples, "test": test_examples}
        check_counts(**self._counts)
        self._seed = seed
        self._paths = {name: given for name, given in (("train", path), ("validation", validation_path), ("test", test_path)) if given}
        self._grids = {name: read_grids(given) for name, given in self._paths.items()}
        self._shape = self._grids["train"].shape
        largest = max(max(int(grids.inputs.max()), int(grids.labels.max())) for grids in self._grids.values())
        largest_id = max(int(grids.puzzle_ids.max()) for grids in self._grids.values())
        self.spec = TaskSpec(
            name="custom_" + (re.sub(r"[^a-z0-9]+", "_", Path(path).stem.lower()).strip("_") or "data"),
            sequence_length=self._shape[0] * self._shape[1],
            vocabulary_size=largest + 1 if vocabulary_size is None else vocabulary_size,
            puzzle_ids=largest_id + 1 if puzzle_ids is None else puzzle_ids,
            grid=self._shape if self._shape[0] > 1 else None,
        )
        if self.spec.grid is not None and self.spec.vocabulary_size <= _MOST_SYMBOLS:
            self.board = Board(symbols={str(token): f"token {token}" for token in range(self.spec.vocabulary_size)}, separator=" ")
        for name, grids in self._grids.items():
            self._check(self._paths[name], grids)

    def load(self, *, progress: bool = True) -> Splits:
        """See :meth:`hrmlab.data.task.Task.load`."""
        sets = {name: self._as_set(self._paths[name], grids) for name, grids in self._grids.items()}
        (train, validation, test), dropped = split_pool(
            pool=sets["train"], validation=sets.get("validation"), test=sets.get("test"), counts=self._counts, seed=self._seed
        )
        return Splits(train=train, validation=validation, test=test, class_rule=CLASS_RULE, source="file", dropped=dropped)

    def read(self, path: str | Path, *, labelled: bool = True) -> ExampleSet:
        """See :meth:`hrmlab.data.task.Task.read`."""
        grids = read_grids(path, labelled=labelled)
        self._check(str(path), grids)
        return self._as_set(str(path), grids)

    def from_text(self, text: str) -> np.ndarray:
        """See :meth:`hrmlab.data.task.Task.from_text`: token ids row by row, separated by white space."""
        words = text.split()
        length, vocabulary = self.spec.sequence_length, self.spec.vocabulary_size
        if len(words) != length:
            raise UserError(f"the {self.words.example} has {len(words)} numbers instead of {length}; give one token id for every cell")
        for word in words:
            if not (word.isascii() and word.isdecimal()) or int(word) >= vocabulary:
                raise UserError(
                    f"the {self.words.example} has '{word[:20]}', which is no token id; use whole numbers from 0 to {vocabulary - 1}"
                )
        return np.array(words, dtype=np.int32)

    def to_text(self, tokens: np.ndarray) -> str:
        """Token ids separated by spaces."""
        return " ".join(str(token) for token in tokens.tolist())

    def show(self, tokens: np.ndarray) -> str:
        """See :meth:`hrmlab.data.task.Task.show`: the rows of the grid, its columns one below the other."""
        width = len(str(self.spec.vocabulary_size - 1))
        return "\n".join(" ".join(str(token).rjust(width) for token in row) for row in tokens.reshape(self._shape).tolist())

    def _check(self, path: str, grids: Grids) -> None:
        if grids.shape != self._shape:
            raise UserError(f"{path} has grids of {grids.shape} where {self._paths['train']} has {self._shape}; all must have one size")
        for name, values, size, field in (
            ("inputs", grids.inputs, self.spec.vocabulary_size, "data.vocabulary_size"),
            ("labels", grids.labels, self.spec.vocabulary_size, "data.vocabulary_size"),
            ("puzzle_ids", grids.puzzle_ids[:, None], self.spec.puzzle_ids, "data.puzzle_ids"),
        ):
            over = (values >= size).any(axis=1)
            if over.any():
                row = int(over.argmax())
                raise UserError(f"{path}, row {row + 1} (counted from 1): {name} hold {values[row].max()} where {field}={size}; raise it")

    @staticmethod
    def _as_set(path: str, grids: Grids) -> ExampleSet:
        return make_set(
            inputs=grids.inputs,
            labels=grids.labels,
            classes=row_hash(np.concatenate([grids.inputs, grids.puzzle_ids[:, None]], axis=1)),
            puzzle_ids=grids.puzzle_ids,
            sources=Path(path).stem,
        )
