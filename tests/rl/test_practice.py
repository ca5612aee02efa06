"""Stages of practice: from the configuration to weights that changed for the better, resumed after kill -9 as if nothing had happened."""

import contextlib
import gzip
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from hrmlab import open_run
from hrmlab.config.configuration import Configuration
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.runs.directory import LAST, PRACTISED, RunDirectory
from hrmlab.workflows.launch import execute, new_run

trl = pytest.importorskip("trl", reason="make test-rl installs the extra rl and runs these tests")
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # TRL's, of transformers' new names
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # likewise
]

KILLS = int(os.environ.get("HRMLAB_KILLS", "4"))
SEED = int(os.environ.get("HRMLAB_KILL_SEED", "0"))
Practise = Callable[..., RunDirectory]


def weights(run: RunDirectory, name: str) -> dict[str, Tensor]:
    return load_checkpoint(run.checkpoints / name)["state_dict"]


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def logged(run: RunDirectory) -> Any:
    """What a run logged of its practice, without what the clock says."""
    table = pd.read_csv(run.metrics_file)
    return table[table.metric.str.startswith("practice/")].drop(columns="seconds").reset_index(drop=True)


def outcome(run: RunDirectory) -> list[dict[str, Any]]:
    record = run.read_json("stages.json")
    assert record is not None
    return [{key: value for key, value in stage.items() if key != "seconds"} for stage in record["stages"]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that nobody disturbed."""
    from conftest import TINY_PRACTICE  # pyright: ignore[reportAttributeAccessIssue]
    from hrmlab.config.composition import composer

    with composer([]) as composing:
        config = composing.compose([*TINY_PRACTICE, f"output_root={tmp_path_factory.mktemp('finished')}"]).config
    run = new_run(config, [])
    execute(run)
    return run


def test_a_run_practises_stage_by_stage_and_its_directory_tells_all_of_it(finished: RunDirectory) -> None:
    summary, stages = finished.read_json("summary.json"), outcome(finished)
    assert summary is not None
    assert [(stage["name"], stage["steps"], stage["last_step"]) for stage in stages] == [
        ("warm_up", 6, 6),
        ("format", 2, 8),
        ("chain_of_thought", 4, 12),
    ]
    assert [stage["name"] for stage in summary["stages"]] == ["warm_up", "format", "chain_of_thought"]
    assert summary["checkpoint"]["step"] == 12
    assert summary["score"] == "pass_at_1"
    for stage in stages:
        assert stage["tests"]["test"]["count"] == 6
        assert set(stage["held_out"]["chain_of_thought"]) == {
            "reward",
            "format",
            "thought",
            "answer",
            "brevity",
            "own_rewards.lottery",
        }
    table = logged(finished)
    measured = {name.removeprefix("practice/") for name in table.metric}
    assert {"reward", "reward/format", "reward/thought", "length", "entropy", "kl", "gradient_norm", "groups_without_signal"} <= measured
    assert {"held_out/format", "held_out/chain_of_thought", "test/test"} <= measured
    assert sorted({*table.step}) == [6, 7, 8, 9, 10, 11, 12]
    with gzip.open(finished.path / "generations" / "stage_1_format.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    assert len(rows) == 12
    assert {"stage", "prompt", "completion", "format"} <= rows[0].keys()
    before, after = weights(finished, LAST), weights(finished, PRACTISED)
    assert not equal({name: value for name, value in before.items() if name in after}, after)
    assert equal(weights(finished, "stage-chain_of_thought.ckpt"), after)
    assert not (finished.checkpoints / "practice" / "format").exists()
    opened = open_run(finished.path)
    assert opened.step == 12
    assert all(torch.equal(value, after[f"reasoner.{name}"]) for name, value in opened.reasoner.state_dict().items())


def start(run: RunDirectory) -> int:
    """A process of its own that goes on with a run; its id."""
    process = os.fork()
    if process == 0:  # as a command would, with its imports done
        with contextlib.suppress(BaseException), open(os.devnull, "w") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            execute(RunDirectory.open(run.path))
            os._exit(0)
        os._exit(1)
    return process


def test_a_run_killed_anywhere_ends_as_one_that_was_not(
    finished: RunDirectory, practice_config: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    config = Configuration.from_plain(practice_config())
    began = time.monotonic()
    run = new_run(config, [])
    assert os.waitpid(start(run), 0)[1] == 0
    seconds, kills, moments = time.monotonic() - began, 0, random.Random(SEED)
    shutil.rmtree(run.path)
    run = new_run(config, [])
    while kills < KILLS:
        process = start(run)
        time.sleep(moments.uniform(0.1, 1.0) * seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
        kills += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):  # done before we came to kill
            assert os.WEXITSTATUS(status) == 0
            assert_same(run, finished)
            shutil.rmtree(run.path)
            run = new_run(config, [])
    if run.state != "completed":
        assert os.waitpid(start(run), 0)[1] == 0
    assert_same(run, finished)


def assert_same(run: RunDirectory, finished: RunDirectory) -> None:
    assert run.state == "completed"
    assert run.verify() == []
    assert outcome(run) == outcome(finished)
    assert equal(weights(run, PRACTISED), weights(finished, PRACTISED))
    pd.testing.assert_frame_equal(logged(run), logged(finished))
