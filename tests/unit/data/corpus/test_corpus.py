"""Documents of every kind of file become the same rows, read by memory map; what is held out is nowhere in training."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from hrmlab.audits.splits import audit_splits
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.code.encoding import Document
from hrmlab.data.corpus.arrow import mapped_column
from hrmlab.data.corpus.rows import pieces, write_stream
from hrmlab.data.corpus.task import CorpusOptions, CorpusTask
from hrmlab.data.training_stream import TrainingStream

TEXTS = [f"document {number}\nsays {'much ' * (number % 7)}" for number in range(60)]
SHORT = CorpusOptions(sequence_length=32)


def corpus(path: Path, **keywords: Any) -> CorpusTask:
    return CorpusTask(path=str(path), **{"options": SHORT, "held_out_share": 0.1, **keywords})


def written(folder: Path, kind: str, texts: list[str] = TEXTS) -> Path:
    path = folder / f"some texts.{kind}"
    lines = "\n".join(json.dumps({"text": text}) for text in texts)
    if kind == "jsonl":
        path.write_text(lines + "\n\n")
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress(lines.encode()))
    elif kind == "txt":
        path.write_text("\n\n \n".join(text + "\n" for text in texts))
    else:
        datasets.disable_progress_bars()
        datasets.Dataset.from_dict({"text": texts}).save_to_disk(str(path), num_shards=3)
    return path


@pytest.mark.parametrize("kind", ["jsonl.gz", "folder"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    expected, found = corpus(written(tmp_path, "jsonl")).load(), corpus(written(tmp_path, kind)).load()
    for name, one in expected.sets().items():
        assert found.sets()[name].content_hash() == one.content_hash()
    assert isinstance(found.train.inputs, np.memmap)
    assert found.train.inputs.dtype == np.int16
    assert np.array_equal(found.classes("train"), expected.classes("train"))
    assert corpus(tmp_path / f"some texts.{kind}").spec.name == "corpus_some_texts"


def test_documents_between_empty_lines(tmp_path: Path) -> None:
    task = corpus(written(tmp_path, "txt"))
    assert sorted(record.canonical_solution for record in task.training_documents()) == sorted(
        text + "\n"
        for text in TEXTS
        if text + "\n" not in {record.canonical_solution for part in task.records().values() for record in part}
    )


def test_what_is_held_out_is_nowhere_in_training(tmp_path: Path) -> None:
    texts = [*TEXTS, *TEXTS]  # every document twice
    task = corpus(written(tmp_path, "jsonl", texts), test_examples=3)
    splits = task.load()
    held = {split: {record.canonical_solution for record in records} for split, records in task.records().items()}
    assert len(held["test"]) == 3
    assert held["validation"]
    assert not held["test"] & held["validation"]
    kept = [record.canonical_solution for record in task.training_documents()]
    assert not set(kept) & (held["test"] | held["validation"])
    assert len(kept) + 2 * (3 + len(held["validation"])) == 120
    assert splits.dropped == {"train": 3 + len(held["validation"])}  # the second ones
    audit = audit_splits(splits, task=task, order_hash="")
    assert set(audit["overlap"].values()) == {0}
    leaking = replace(splits.test.select(np.array([0, 0])), inputs=splits.train.inputs[:2].astype(np.int32))
    assert audit_splits(replace(splits, test=leaking), task=task, order_hash="")["overlap"]["train_test_strings"] == 2


def test_splits_of_a_saved_dictionary_and_files_of_their_own(tmp_path: Path) -> None:
    datasets.disable_progress_bars()
    parts = {"train": TEXTS, "test": TEXTS[:4], "validation": TEXTS[3:9]}
    saved = datasets.DatasetDict({name: datasets.Dataset.from_dict({"text": texts}) for name, texts in parts.items()})
    saved.save_to_disk(str(tmp_path / "all"))
    paths = {}
    for name, texts in parts.items():
        (tmp_path / name).mkdir()
        paths[name] = written(tmp_path / name, "jsonl", texts)
    own = corpus(paths["train"], test_path=str(paths["test"]), validation_path=str(paths["validation"])).load()
    together = corpus(tmp_path / "all").load()
    for name, one in own.sets().items():
        assert together.sets()[name].content_hash() == one.content_hash()
    assert own.dropped == {"train": 9}
    assert len(own.classes("train")) == 51


def test_rows_are_cut_out_of_one_stream(tmp_path: Path) -> None:
    items = [Document([1, *range(10, 10 + size), 3], 2) for size in (5, 1, 9, 0, 20)]
    count = write_stream(tmp_path / "rows.arrow", items, sequence_length=4, vocabulary_size=40_000, asked="solution")
    inputs, labels = (mapped_column(tmp_path / "rows.arrow", name) for name in ("inputs", "labels"))
    assert inputs.shape == labels.shape == (count, 4)
    assert inputs.dtype == np.int32
    stream = [(read, asked) for item in items for read, asked in zip(item.ids[:-1], [IGNORED_LABEL, *item.ids[2:]], strict=True)]
    filling = [(0, IGNORED_LABEL)] * (-len(stream) % 4)
    assert list(zip(inputs.reshape(-1).tolist(), labels.reshape(-1).tolist(), strict=True)) == stream + filling
    alone = pieces(items[2], sequence_length=4, asked="everything")
    assert alone.inputs.tolist() == [[1, 10, 11, 12], [13, 14, 15, 16], [17, 18, 0, 0]]
    assert alone.labels.tolist() == [[10, 11, 12, 13], [14, 15, 16, 17], [18, 3, IGNORED_LABEL, IGNORED_LABEL]]
    # Arrow files that the datasets library reads as well.
    assert datasets.Dataset.from_file(str(tmp_path / "rows.arrow"))["inputs"][0] == inputs[0].tolist()


def test_draws_are_those_of_rows_in_memory_also_after_a_stop(tmp_path: Path) -> None:
    path = written(tmp_path, "jsonl")
    streams = [
        TrainingStream(examples=corpus(path, in_memory=in_memory).load().train, augmentation=None, seed=3, device=torch.device("cpu"))
        for in_memory in (False, True, False)
    ]
    batches = [stream.empty_batch(5) for stream in streams]
    for step in range(30):
        wanted = torch.arange(5) % 3 != step % 3
        if step == 20:
            streams[2].load_state_dict(streams[0].state_dict())
            batches[2] = batches[0]
        for number, stream in enumerate(streams):
            batches[number] = stream.draw(wanted, batches[number], step=step)
        assert all(torch.equal(*parts) for parts in zip(batches[0], batches[1], strict=True))
    assert all(torch.equal(*parts) for parts in zip(batches[0], batches[2], strict=True))


def test_documents_are_turned_into_rows_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HRMLAB_CACHE", str(tmp_path / "cache"))
    path = written(tmp_path, "jsonl")
    first = corpus(path).load().train.content_hash()
    (folder,) = (found for found in (tmp_path / "cache").iterdir() if found.is_dir())
    before = (folder / "train.arrow").stat().st_mtime_ns
    shutil.rmtree(tmp_path / "cache" / f".{folder.name}.draft", ignore_errors=True)
    assert corpus(path).load().train.content_hash() == first
    assert (folder / "train.arrow").stat().st_mtime_ns == before
    path.write_text(json.dumps({"text": "another one"}) + "\n" + path.read_text())  # a changed file is read again
    assert corpus(path).load().train.content_hash() != first


def test_byte_pairs_are_learned_from_training_alone(tmp_path: Path) -> None:
    texts = [*TEXTS, *(f"zzzz{number}" for number in range(3))]
    path, test = written(tmp_path, "jsonl", texts), tmp_path / "test.jsonl"
    test.write_text("\n".join(json.dumps({"text": text}) for text in texts[60:]))
    options = CorpusOptions(sequence_length=32, tokenizer="bpe", vocabulary_size=300)
    task = corpus(path, test_path=str(test), options=options)
    assert len(task.tokenizer.encode("zzzz")) == 4
    assert len(task.tokenizer.encode("document")) < 8
    assert task.to_text(task.load().train.inputs[0]).startswith("document 0\nsays")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.jsonl", None, r"data\.path=.*absent\.jsonl does not exist; give a \.jsonl or \.txt file or a folder of save_to_disk"),
        ("table.csv", "a", r"table\.csv is neither \.jsonl nor \.txt"),
        ("bad.jsonl", '{"text": "a"}\n\n{"text"', r"bad\.jsonl, row 2 \(counted from 1\): it is not valid JSON"),
        ("bad.jsonl", '{"text": "a"}\n[1]', r"row 2 .*it is no JSON object"),
        ("bad.jsonl", '{"text": 3}', r"row 1 .*the field 'text' is of type int"),
        ("bad.jsonl", '{"canonical_solution": "x"}', r"the field 'prompt' is missing"),
        ("bad.jsonl", b'{"text": "\xff"}', r"it is not UTF-8 text"),
        ("bad.jsonl.gz", b"\x1f\x8b\x08broken", r"cannot be read"),
        ("few.jsonl", '{"text": "a"}', r"no document is held out for .*data\.held_out_share=0\.1\); raise it, or give data\.\w+_path"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: str | bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match=words):
        corpus(tmp_path / name).load()


def test_bad_folders_and_options(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is not a folder that save_to_disk of the datasets library made"):
        corpus(tmp_path / "empty")
    folder = written(tmp_path, "folder")
    next(folder.glob("*.arrow")).write_bytes(b"torn")
    with pytest.raises(UserError, match="cannot be read as Arrow data"):
        corpus(folder).load()
    with pytest.raises(UserError, match=r"data=corpus needs data\.path="):
        CorpusTask()
    with pytest.raises(UserError, match=r"data\.layout=padded: .*use data\.layout=packed"):
        corpus(written(tmp_path, "jsonl"), options=CorpusOptions(layout="padded"))
