"""The weights in parts over two processes: learned, saved, resumed and scored as by one process with whole weights."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from test_exact_resume import assert_same, everything, rows
from test_world_size import losses

import hrmlab
from hrmlab.config.configuration import Configuration
from hrmlab.core.errors import UserError
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, RunDirectory
from hrmlab.workflows.launch import new_run
from ranks import run_together

SHAPE = ("training.batch_size=12", "data.test_examples=31", "training.log_every_steps=1", "trainer=fsdp_cpu")
ALONE = ("trainer.devices=1", "trainer.strategy=auto")
Started = Callable[..., RunDirectory]


@pytest.fixture
def started(tmp_path: Path, compose_config: Callable[..., dict[str, Any]]) -> Started:
    """A new run, not trained yet."""

    def start(name: str, *words: str, family: str = "") -> RunDirectory:
        config = compose_config(f"output_root={tmp_path / name}", *SHAPE, *words, family=family)
        return new_run(Configuration.from_plain(config), [])

    return start


def trained(run: RunDirectory, processes: int = 2) -> RunDirectory:
    assert run_together(run.path, processes) == [0] * processes
    return run


def assert_close(run: RunDirectory, other: RunDirectory) -> None:
    """Their losses step by step, and their weights."""
    assert losses(run) == pytest.approx(losses(other), abs=1e-5)
    before, after = (load_checkpoint(one.checkpoints / LAST)["state_dict"] for one in (other, run))
    for name, tensor in before.items():
        torch.testing.assert_close(after[name], tensor, rtol=0, atol=2e-5, msg=name)


def shapes(checkpoint: dict[str, Any]) -> list[dict[int, dict[str, Any]]]:
    """What the state of each optimizer looks like: by parameter and name the shape of a tensor, or the value."""
    optimizers = checkpoint["optimizer_states"][0]["optimizers"]
    return [
        {number: {name: getattr(value, "shape", value) for name, value in of_one.items()} for number, of_one in state["state"].items()}
        for state in optimizers
    ]


@pytest.mark.slow
def test_trained_stopped_resumed_and_opened(started: Started) -> None:
    """A model that halts, with everything that has a state of its own: puzzle embeddings, averaged weights, Adam's moments."""
    words = ("model=hrm", "training.steps=8", "model.puzzle_embedding_size=8", "training.gradient_clip=1.0", "training.ema_decay=0.9")
    straight, alone = trained(started("two", *words)), trained(started("one", *words, *ALONE), 1)
    assert_close(straight, alone)
    stopped = started("stopped", *words)
    assert run_together(stopped.path, 2, stop_at=4) == [130, 130]
    assert load_checkpoint(stopped.checkpoints / LAST)["global_step"] == 4
    trained(stopped)
    assert_same(everything(straight), everything(stopped))
    assert rows(straight) == rows(stopped)
    # The file is that of one process, to which ``alone`` bears witness name by name, and one process opens it.
    saved, plain = everything(straight), everything(alone)
    assert saved["state_dict"].keys() == plain["state_dict"].keys()
    for one, other in zip(*(shapes(checkpoint) for checkpoint in (saved, plain)), strict=True):
        assert one == other
    table, opened = pd.read_parquet(straight.predictions_file), hrmlab.open_run(straight.path)
    test = opened.task.load(progress=False).test
    answers = opened.predict(test.inputs).answers.numpy()
    assert [opened.task.to_text(answer) for answer in answers] == table["prediction"].tolist()


@pytest.mark.slow
def test_a_one_pass_model_of_code_is_trained_and_writes(started: Started) -> None:
    """Processes that each have a part of the weights write in step: nobody waits for a text that another one has ended already."""
    words = (
        "data=synthetic_code",
        "model=transformer",
        "training.steps=4",
        "evaluation.limit=3",
        "evaluation.batch_size=2",
        "data.test_examples=6",
    )
    run, alone = trained(started("two", *words, family="code")), trained(started("one", *words, *ALONE, family="code"), 1)
    assert_close(run, alone)
    theirs, own = ((one.read_json("summary.json") or {})["test"] for one in (run, alone))
    assert theirs["bits_per_byte"] == pytest.approx(own["bits_per_byte"], rel=1e-5)
    assert theirs["problems"] == own["problems"] == 3
    texts = gzip.decompress((run.path / "generations" / "test_iid.jsonl.gz").read_bytes()).splitlines()
    assert len({json.loads(text)["task_id"] for text in texts}) == 3


def test_what_parts_do_not_allow_is_refused_before_anything_is_written(started: Started, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"trainer=fsdp_cpu .*training\.compile=true.*trainer=ddp"):
        started("refused", "model=hrm", "training.compile=true")
    assert not (tmp_path / "refused").exists()
