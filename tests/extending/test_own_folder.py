"""A user's own folder, of which the package knows nothing, goes through everything: contracts, budget, training, exact resume, evaluation,
generation, a sweep, a report. Every command is a process of its own, as a user of the wheel would start it, but for its imports."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import command_server

FOLDER = Path(__file__).parent / "folder"
CONTRACTS = Path(__file__).parents[1] / "contracts"
SMALL = (
    "training.steps=8",
    "training.batch_size=8",
    "training.validate_every_steps=4",
    "training.log_every_steps=2",
    "training.checkpoint_every_steps=4",
    "training.evaluation_batch_size=16",
    "optimizer=adamw",
    "optimizer.warmup_steps=2",
    "regime=brief",
    "trainer.threads=1",
    "trainer.progress_bar=false",
)
CODE = (
    "data=synthetic_code",
    "data.train_examples=40",
    "data.validation_examples=4",
    "data.test_examples=4",
    "data.families=[integers]",
    "data.max_depth=1",
    "data.deeper=1",
    "data.sequence_length=160",
    "data.layout=padded",
    "training.loss=softmax",
    "evaluation.max_new_tokens=6",
    "evaluation.limit=2",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the user's folder, outside of the checkout."""
    target = tmp_path_factory.mktemp("user") / "mine"
    shutil.copytree(FOLDER, target)
    return target


def run(command: str, *words: str, folder: Path, cwd: Path, code: int | None = 0) -> str:
    """A command's output, both streams; ``code`` is what it must end with, None for anything."""
    own = ["--config-dir", str(folder)] if command in ("train", "sweep") else []
    result = command_server.run(f"hrmlab.cli.{command}", *own, *words, cwd=cwd)
    said = result.stdout + result.stderr
    assert code is None or result.returncode == code, said
    assert "Traceback" not in said, said
    return said


def trained(*words: str, folder: Path, cwd: Path, output_root: str = "outputs") -> tuple[Path, str]:
    """Train an arm that may have one coarse width alone: with 9,999 parameters where it can have them, else with what the refusal offers.

    Returns:
        the run's directory, and the override of the size.
    """
    size, code = "size.parameters=9999", None
    while True:
        said = run("train", *words, size, f"output_root={output_root}", folder=folder, cwd=cwd, code=code)
        if "completed: " in said:
            return directory(said, cwd), size
        offered = re.search(r"size\.parameters=9,999 cannot be met within 1 % by model '\w+'; nearest are [\d,]+ \(.*\) and ([\d,]+)", said)
        assert offered is not None, said
        size, code = f"size.parameters={offered[1].replace(',', '')}", 0


def directory(said: str, cwd: Path) -> Path:
    """The run directory that a command named."""
    return cwd / next(line.partition(": ")[2] for line in said.splitlines() if line.startswith("run directory: "))


@pytest.fixture
def modules(folder: Path) -> Iterator[Any]:
    """The user's models, importable in this process, and the contract of arms."""
    before = list(sys.path)
    sys.path[:0] = [str(folder), str(CONTRACTS)]
    try:
        import arm_contract  # pyright: ignore[reportMissingImports]
        import my_models  # pyright: ignore[reportMissingImports]

        yield arm_contract, my_models
    finally:
        sys.path[:] = before
        sys.modules.pop("my_models", None)


@pytest.mark.parametrize("name", ["GRU", "Planner", "Mixer"])
def test_own_arms_keep_the_contract_of_arms(name: str, modules: Any) -> None:
    contract, models = modules
    model = getattr(models, name)
    for attention in model.attention_kinds:
        for options in contract.option_variants(model):
            contract.check_shapes_and_determinism(model, attention, options)
            contract.check_restart(model, attention, options)
            contract.check_gradients(model, attention, options)
            contract.check_parts(model, attention, options)
            contract.check_causality(model, attention, options)
            if attention == "causal":
                contract.check_generation(model, options)


PAIRS = [("mixer", "sorting"), ("gru", "reversal"), ("planner", "sorting")]  # every arm, every task
QUICK = (("mixer", "sorting"),)  # one pair in the fast suite; CI runs all


@pytest.mark.parametrize(("name", "data"), [pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow) for pair in PAIRS])
def test_an_own_arm_on_an_own_task_trains_resumes_exactly_and_is_evaluated(name: str, data: str, folder: Path, tmp_path: Path) -> None:
    words = (f"model={name}", f"data={data}", *SMALL)
    whole, size = trained(*words, folder=folder, cwd=tmp_path, output_root="whole")
    words = (*words, size)
    summary = json.loads((whole / "summary.json").read_text())
    budget = json.loads((whole / "budget.json").read_text())
    assert abs(budget["gap"]) <= 0.01
    assert set(budget["solved"]) == {"hidden_size"}
    assert budget["non_embedding_parameters"] < budget["parameters"]
    table = pd.read_parquet(whole / "predictions.parquet")
    if data == "reversal":
        assert summary["score"] == "pass_at_2_votes"
        assert summary["test"]["count"] == 24
        assert summary["test"]["examples"] == len(table) == 96
        assert summary["test"]["pass_at_2_votes"] == pytest.approx(float(np.nanmean(table["solved_by_votes"])))
    else:
        assert summary["score"] == "displacement"
        assert summary["test"]["displacement"] == pytest.approx(float(np.mean(table["displacement"])))
        assert {"is_sorted", "halting/is_sorted", "halting/displacement"} <= summary["test"].keys()
    metrics = pd.read_csv(whole / "metrics.csv")
    parts = {metric for metric in metrics["metric"] if metric.startswith("train/loss/")}
    own = {"q_halt", "planner", "sparsity"} if name == "planner" else set()
    assert parts == {f"train/loss/{part}" for part in {"answer", *own}}
    # Stopped in the middle and taken up again, it ends in the same weights.
    halves = directory(run("train", *words, "output_root=halves", folder=folder, cwd=tmp_path), tmp_path)
    checkpoints = halves / "checkpoints"
    cut(checkpoints / "last.ckpt", checkpoints, run=halves)
    run("train", f"resume={halves}", folder=folder, cwd=tmp_path)
    one, two = (torch.load(path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for path in (whole, halves))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    again = run("evaluate", f"run={whole}", folder=folder, cwd=tmp_path)
    assert "row" in again or "displacement" in again or "solved" in again
    result = json.loads((whole / "evaluations" / "test" / "result.json").read_text())
    assert result[summary["score"]] == pytest.approx(summary["test"][summary["score"]])


def cut(last: Path, checkpoints: Path, *, run: Path) -> None:
    """Put a finished run back to the middle of its training: its checkpoint of step 4, as a kill would leave it."""
    previous = checkpoints / "previous.ckpt"
    step = torch.load(previous, weights_only=True)["global_step"]
    assert 0 < step < 8
    previous.replace(last)
    for name in ("COMPLETED", "summary.json", "predictions.parquet"):
        (run / name).unlink()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gru", "planner"])
def test_an_own_causal_arm_writes_code(name: str, folder: Path, tmp_path: Path) -> None:
    path, _ = trained(f"model={name}", *SMALL, *CODE, folder=folder, cwd=tmp_path)
    summary = json.loads((path / "summary.json").read_text())
    assert summary["score"] == "pass_at_1"
    assert summary["test"]["problems"] == 2
    assert json.loads((path / "audit.json").read_text())["causality"]["passed"] is True
    assert (path / "generations" / "test_iid.jsonl.gz").is_file()


@pytest.mark.slow
def test_what_an_own_arm_cannot_do_is_said_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    said = run("train", "model=mixer", *SMALL, *CODE, folder=folder, cwd=tmp_path, code=2)
    assert "model=mixer supports full attention only" in said
    said = run("train", "model=gru", "data=sorting", "size.parameters=77", folder=folder, cwd=tmp_path, code=2)
    assert "size.parameters=77 cannot be met within 1 % by model 'gru'" in said
    assert "nearest are" in said
    said = run("train", "model=gru", "model.num_heads=2", "data=sorting", folder=folder, cwd=tmp_path, code=2)
    assert "model.num_heads is not a known key" in said


@pytest.mark.slow
def test_own_arms_are_audited(folder: Path, tmp_path: Path) -> None:
    words = ("causality", "--config-dir", str(folder), "model=gru,planner", *CODE, "model.hidden_size=8")
    said = run("audit", *words, folder=folder, cwd=tmp_path)
    assert said.count(": causal: 12 positions") == 2


@pytest.mark.slow
def test_a_sweep_of_own_arms_ends_in_a_report(folder: Path, tmp_path: Path) -> None:
    words = [word for word in SMALL if not word.startswith(("trainer.progress_bar", "trainer.threads"))]
    said = run("sweep", "sweeps=mine", *words, "--reports", "reports", folder=folder, cwd=tmp_path)
    assert said.count("completed after") == 8
    page = (tmp_path / "reports" / "mine" / "report.md").read_text()
    for arm in ("gru", "planner", "mixer", "transformer"):
        assert f"`{arm}`" in page
    assert "mean displacement" in page
    assert "`planner`" in page.split("##")[0]  # the verdict is about the subject
    rows = pd.read_csv(tmp_path / "reports" / "mine" / "results.csv")
    assert len(rows) == 8
