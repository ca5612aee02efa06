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
from tiny_practice import TINY_PRACTICE
from torch import Tensor

from hrmlab import open_run
from hrmlab.config.configuration import Configuration
from hrmlab.core.errors import UserError
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


def test_a_run_that_is_asked_to_stop_saves_and_goes_on(
    finished: RunDirectory, practice_config: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hrmlab.rl.stages import Practice

    run = new_run(Configuration.from_plain(practice_config()), [])
    log = Practice._report

    def asked_in_the_third_step(self: Practice, reported: Any, before: int) -> None:
        log(self, reported, before)
        if before + reported.step == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Practice, "_report", asked_in_the_third_step)
    with pytest.raises(KeyboardInterrupt, match="go on with: hrm-train resume="):
        execute(run)
    monkeypatch.undo()
    assert run.state == "interrupted"
    assert [stage["name"] for stage in outcome(run)] == ["warm_up", "format"]
    assert (run.checkpoints / "practice" / "chain_of_thought" / "checkpoint-2").is_dir()  # what is logged, is so after the step
    execute(run)
    assert_same(run, finished)


def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path) -> None:
    from hrmlab.rl.practice import newest_checkpoint

    for step, whole in ((5, '{"seconds": 2.5}'), (10, '{"seconds": 4.0}'), (15, '{"sec'), (20, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if whole is not None:
            (folder / "whole.json").write_text(whole)
    assert newest_checkpoint(tmp_path) == (tmp_path / "checkpoint-10", 4.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-5"]
    assert newest_checkpoint(tmp_path / "nowhere") is None


def test_the_order_of_problems_is_that_of_its_seed_and_stage() -> None:
    from hrmlab.rl.practice import order_of_problems

    order = order_of_problems(7, 3, seed=1, stage="math")
    assert order == order_of_problems(7, 3, seed=1, stage="math")
    assert order != order_of_problems(7, 3, seed=2, stage="math")
    assert order != order_of_problems(7, 3, seed=1, stage="format")
    for epoch in range(3):
        assert sorted(order[7 * epoch : 7 * epoch + 7]) == list(range(7))
    assert order[:7] != order[7:14]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({}, [1.0] * 8),
        ({"warmup_share": 0.25}, [0.0, 0.5, *[1.0] * 6]),
        ({"warmup_share": 0.25, "final_learning_rate_ratio": 0.5}, [0.0, 0.5, 1.0, None, None, 0.75, None, None, 0.5]),
    ],
)
def test_the_learning_rate_of_a_stage_rises_and_falls(words: dict[str, Any], expected: list[float | None], tmp_path: Path) -> None:
    from transformers import get_scheduler

    from hrmlab.config.schema import Objective, Stage
    from hrmlab.rl.policy import grpo_arguments

    stage = Stage(problems="arithmetic", examples=8, epochs=1, rewards={"answer": 1.0})
    arguments = grpo_arguments(stage, Objective(name="grpo", **words), folder=tmp_path, seed=0, on_cpu=True)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    shape: Any = arguments.lr_scheduler_kwargs
    schedule = get_scheduler(arguments.lr_scheduler_type, optimizer, arguments.get_warmup_steps(8), 8, shape)
    for rate in expected:
        if rate is not None:
            assert schedule.get_last_lr()[0] == pytest.approx(rate)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("objective.generations=5",), "no multiple of objective.generations=5; make it 20"),
        (("objective.stages.format.examples=5",), "make objective.stages.format.examples a multiple of 2"),
        (("objective.stages.format.problems=poems",), "problems=poems is no kind of problem"),
        (("objective.stages.format.rewards.frmat=1.0",), "there is no reward frmat"),
        (("objective.stages.format.rewards={nowhere.found: 1.0}",), "names no importable module"),
        (("data.sequence_length=32", "objective.stages.format.problems=word_problems"), "raise data.sequence_length"),
        (("objective.stages.format.examples=100000",), "there are only"),
        (("objective.held_out_problems=100000",), "there are only"),
    ],
)
def test_what_no_stage_could_do_is_refused_before_training(practise_run: Practise, overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        practise_run(*overrides)


def test_a_task_that_writes_nothing_has_nothing_to_practise(train_run: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match="lets none write; use a task of text, such as data=worked_problems"):
        train_run("objective=grpo")


@pytest.mark.parametrize(("name", "said"), [("failing", "failed on the problem .*the reward's own trouble"), ("not_a_number", "gave nan")])
def test_a_reward_that_fails_is_named_and_nothing_before_it_is_lost(practise_run: Practise, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        practise_run(f"objective.stages.chain_of_thought.rewards={{own_rewards.{name}: 1.0}}", "objective.order=[format,chain_of_thought]")
    (path,) = (tmp_path / "outputs").rglob("run.json")
    run = RunDirectory.open(path.parent)
    assert run.state == "failed"
    assert not (run.path / "COMPLETED").exists()
    assert (run.checkpoints / LAST).exists()


def test_code_is_practised_in_the_sandbox_and_training_problems_serve_too(practise_run: Practise) -> None:
    run = practise_run(
        "objective.order=[code,again]",
        "objective.stages.code={examples: 2, epochs: 1}",
        "objective.stages.again={problems: training, examples: 4, epochs: 1, rewards: {own_rewards.lottery: 1.0, answer: 1.0}}",
        "objective.kl_weight=0.0",
    )
    assert [stage["name"] for stage in outcome(run)] == ["warm_up", "code", "again"]
    assert outcome(run)[1]["held_out"]["code"]["code"] == 0.0
    assert "practice/kl" not in {*logged(run).metric}


def test_a_step_of_each_of_the_five_stages_as_they_come(practise_run: Practise) -> None:
    """Kinds of problems, rewards, batch, answers to a problem and their length are those of conf/objective/grpo.yaml."""
    order = ["format", "math", "advanced_reasoning", "code", "chain_of_thought"]
    run = practise_run(
        f"objective.order=[{','.join(order)}]",
        *(f"objective.stages.{name}.{word}" for name in order for word in ("examples=1", "epochs=1")),
        *(f"objective.stages.{name}.rewards={{own_rewards.lottery: null}}" for name in ("format", "chain_of_thought")),
        "objective.stages.format.rewards={format: 1.0, answer: 0.5, brevity: 0.5}",
        "objective.batch_size=4",
        "objective.gradient_accumulation=2",
        "objective.max_completion_tokens=256",
        "data.sequence_length=160",  # the longest prompt and as much again
    )
    config = Configuration.from_plain(run.config).objective
    assert (config.generations, config.temperature, config.kl_weight) == (8, 1.0, 0.04)
    found = outcome(run)
    assert [(stage["name"], stage["steps"]) for stage in found[1:]] == [(name, 1) for name in order]
    rewarded = {name: {*stage["rewards"]} for name, stage in config.stages.items()}
    assert {name: {*means} - {"reward"} for name, means in found[-1]["held_out"].items()} == rewarded
    assert {f"practice/reward/{reward}" for name in order for reward in rewarded[name]} <= {*logged(run).metric}


def test_the_policy_learns_what_is_rewarded(practise_run: Practise) -> None:
    """The share of sevens, which is what pays, becomes larger: from chance (one token in a hundred) to four times as many."""
    run = practise_run(
        "objective.order=[format]",
        "objective.stages.format={examples: 60, epochs: 1}",
        "objective.stages.format.rewards={own_rewards.sevens: 1, own_rewards.lottery: null, format: null, answer: null, brevity: null}",
        "objective.batch_size=32",
        "objective.gradient_accumulation=1",
        "objective.learning_rate=3e-3",
        "objective.kl_weight=0.0",
    )
    rewards = logged(run).query("metric == 'practice/reward/own_rewards.sevens'").value
    assert rewards.tail(3).mean() > 2 * rewards.head(3).mean()
