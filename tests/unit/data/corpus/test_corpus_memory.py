"""Rows several times the memory that is allowed are written, audited and drawn; loading them is what the limit forbids."""

import resource
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrmlab.audits.splits import audit_splits
from hrmlab.data.code.encoding import Document
from hrmlab.data.corpus.arrow import mapped_column
from hrmlab.data.corpus.rows import write_stream
from hrmlab.data.corpus.task import CorpusTask
from hrmlab.data.example_set import ExampleSet, Splits, make_set
from hrmlab.data.training_stream import TrainingStream, order_hash
from ranks import forked

MIB = 1 << 20
ALLOWED = 32 * MIB
LENGTH, DOCUMENTS = 1024, 1600
FILE = DOCUMENTS * 20 * LENGTH * 2 * 2  # inputs and labels in two bytes each


def _private_memory() -> int:
    """Bytes of this process that no file stands behind, which is what RLIMIT_DATA limits."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024


def _work(folder: str, what: str, failed: Any) -> None:
    try:
        torch.set_num_threads(1)
        path = Path(folder) / "rows.arrow"
        _train_on(path, small(), drawn=1) if path.exists() else None  # what is imported and allocated once
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (_private_memory() + ALLOWED, hard))
        if what == "write":
            ids = np.random.default_rng(0).integers(10, 250, 20 * LENGTH + 1).tolist()
            items = (Document([number % 200, *ids[1:]], 1) for number in range(DOCUMENTS))
            write_stream(path, items, sequence_length=LENGTH, vocabulary_size=260, asked="everything")
        elif what == "train":
            _train_on(path, mapped(path), drawn=200)
        else:
            with pytest.raises(MemoryError):
                np.array(mapped_column(path, "inputs"))
    except BaseException:
        failed.put(traceback.format_exc())
        raise


def small() -> ExampleSet:
    rows = np.zeros((4, LENGTH), np.int16)
    return make_set(inputs=rows, labels=rows, classes=np.arange(4))


def mapped(path: Path) -> ExampleSet:
    inputs, labels = (mapped_column(path, name) for name in ("inputs", "labels"))
    constants = {
        name: np.broadcast_to(getattr(small(), name)[0], len(inputs)) for name in vars(small()) if name not in ("inputs", "labels")
    }
    return ExampleSet(inputs=inputs, labels=labels, **constants)


def _train_on(path: Path, train: ExampleSet, *, drawn: int) -> None:
    """What a run does with its training set: audits, the order, and draws."""
    splits = Splits(train=train, validation=small(), test=small(), class_rule="", source="", train_classes=np.arange(3, dtype=np.uint64))
    task = CorpusTask(path=str(path.with_name("any.txt")))
    audit_splits(splits, task=task, order_hash=order_hash(0, train))
    stream = TrainingStream(examples=train, augmentation=None, seed=0, device=torch.device("cpu"))
    batch = stream.empty_batch(64)
    for step in range(drawn):
        batch = stream.draw(torch.ones(64, dtype=torch.bool), batch, step=step)


@pytest.mark.slow
def test_memory_stays_within_a_fraction_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "any.txt").write_text("any")
    context = forked()
    failed = context.Queue()
    for what in ("write", "train", "load"):
        process = context.Process(target=_work, args=(str(tmp_path), what, failed))
        process.start()
        process.join(timeout=120)
        code = process.exitcode
        process.kill()
        assert code == 0, (what, failed.get(timeout=5))
    assert (tmp_path / "rows.arrow").stat().st_size > FILE > 3.5 * ALLOWED
