"""Runs on documents that are read by memory map: stopped and resumed to the bit, and those of rows in memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from test_exact_resume import assert_resumes_exactly, assert_same, everything, rows

from hrmlab.runs.directory import RunDirectory


@pytest.mark.slow
def test_a_run_on_a_saved_dataset(
    train_run: Callable[..., RunDirectory], compose_config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    datasets.disable_progress_bars()
    texts = [f"def f{number}(x):\n    return x + {number}\n" for number in range(200)]
    datasets.Dataset.from_dict({"text": texts}).save_to_disk(str(tmp_path / "functions"))
    words = (
        "data=corpus",
        f"data.path={tmp_path / 'functions'}",
        "data.sequence_length=32",
        "data.test_examples=5",
        "data.held_out_share=0.05",
    )
    shape = ("model=hrm", "regime=code", "size.parameters=30000", "size.head_size=8", "training.batch_size=4", "training.steps=14")
    pace = ("training.validate_every_steps=7", "training.log_every_steps=2", "optimizer.warmup_steps=2")
    quiet = ("trainer.threads=1", "trainer.progress_bar=false", "trainer=cpu")

    def start(*more: str) -> RunDirectory:
        return train_run(config=compose_config(f"output_root={tmp_path / 'outputs'}", *words, *shape, *pace, *quiet, *more, tiny=False))

    assert_resumes_exactly(start, 8, train_run, monkeypatch)
    (mapped, *_) = (RunDirectory.open(found.parent) for found in sorted((tmp_path / "outputs").rglob("COMPLETED")))
    loaded = start("data.in_memory=true")
    assert_same(everything(loaded)["state_dict"], everything(mapped)["state_dict"])
    assert rows(loaded) == rows(mapped)
    about, audit = (json.loads((mapped.path / f"{name}.json").read_text()) for name in ("data", "audit"))
    assert about["overlap"]["train_test_classes"] == 0
    assert audit["contamination"]["training"] > 150
    assert 0 < (mapped.read_json("summary.json") or {})["test"]["bits_per_byte"] < 20
