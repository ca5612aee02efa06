"""A code run from training to re-scored generations, as a user would do it, and the models that must not be trained."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from hrmlab import open_run
from hrmlab.cli import audit, evaluate
from hrmlab.core.errors import UserError
from hrmlab.reporting.report import make_report
from hrmlab.runs.directory import RunDirectory

Compose = Callable[..., dict[str, Any]]
Train = Callable[..., RunDirectory]

SMALL = (
    "data=synthetic_code",
    "data.families=[integers]",
    "data.train_examples=60",
    "data.validation_examples=8",
    "data.test_examples=10",
    "data.max_depth=2",
    "data.deeper=1",
    "data.styles=one",
    "data.paraphrases=1",
    "data.sequence_length=320",
    "size.parameters=30000",
    "size.head_size=8",
    "training.steps=4",
    "training.batch_size=4",
    "training.validate_every_steps=2",
    "training.log_every_steps=2",
    "training.evaluation_batch_size=8",
    "training.loss=softmax",
    "optimizer.warmup_steps=2",
    "evaluation.max_new_tokens=12",
    "evaluation.limit=null",
    "trainer.threads=1",
    "trainer.progress_bar=false",
    "study=code",
)


@pytest.fixture
def train_code(compose_config: Compose, train_run: Train, tmp_path: Path) -> Train:
    def train(*overrides: str) -> RunDirectory:
        return train_run(config=compose_config(f"output_root={tmp_path / 'outputs'}", *SMALL, *overrides, tiny=False))

    return train


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


@pytest.mark.slow
def test_a_run_writes_code_and_everything_about_it_is_recorded(train_code: Train, capsys: pytest.CaptureFixture[str]) -> None:
    run = train_code("model=hrm", "regime=brief", "data.layout=packed")
    summary = run.read_json("summary.json")
    assert summary is not None
    assert summary["score"] == "pass_at_1"
    test = summary["test"]
    assert test["count"] == test["problems"] == 10
    assert 0 <= test["pass_at_1"] <= 1
    assert test["pass_at_1_interval"][0] <= test["pass_at_1"] <= test["pass_at_1_interval"][1]
    assert test["bits_per_byte"] > 0
    assert test["sampling"]["temperature"] == 0.0
    assert "landlock" in test["tier"] or "bwrap" in test["tier"]
    assert sum(test["verdicts"].values()) == 10
    assert sum(row["count"] for row in test["by_depth"]) == 10
    assert {"copied_cells", "copying_accuracy", "copied_share"} <= test.keys()
    assert set(summary["other_tests"]) == {"test_deeper", "test_unseen_composition"}
    table = pd.read_parquet(run.predictions_file)
    assert table["passed"].dtype == bool
    assert len(table) == 10
    audited = run.read_json("audit.json")
    assert audited is not None
    assert audited["causality"]["passed"] is True
    assert set(audited["contamination"]["sets"]) == {"test_iid", "test_deeper", "test_unseen_composition"}
    assert audited["contamination"]["leaks"] is False
    data = run.read_json("data.json")
    assert data is not None
    assert data["overlap"]["train_test_classes"] == data["overlap"]["train_test_deeper_classes"] == 0
    rows = rows_of(run.path / "generations" / "test_iid.jsonl.gz")
    assert len(rows) == 10
    assert [row["passed"] for row in rows] == table["passed"].tolist()
    # The same text may be scored again without a model, and says the same.
    assert evaluate.command([f"generations={run.path / 'generations' / 'test_iid.jsonl.gz'}", f"run={run.path}"]) == 0
    again = json.loads((run.path / "generations" / "test_iid.scored" / "result.json").read_text())["sets"]["test_iid"]
    assert again["pass_at_1"] == test["pass_at_1"]
    assert again["verdicts"] == test["verdicts"]
    # And the run may be asked again, for its own problems and for HumanEval's.
    capsys.readouterr()
    with pytest.raises(UserError, match=r"evaluation=file evaluation\.path"):
        evaluate.command([f"run={run.path}", "data.path=mine.jsonl"])
    assert evaluate.command([f"run={run.path}", "trainer.progress_bar=false"]) == 0
    own = json.loads((run.path / "evaluations" / "own" / "result.json").read_text())["sets"]["test_iid"]
    assert own["bits_per_byte"] == pytest.approx(test["bits_per_byte"], rel=1e-5)
    assert own["pass_at_1"] == test["pass_at_1"]
    sampled = ["evaluation=humaneval", "evaluation.limit=3", "evaluation.samples=4", "evaluation.temperature=0.8", "evaluation.top_p=0.9"]
    assert evaluate.command([f"run={run.path}", *sampled, "evaluation.ks=[1,2]", "evaluation.max_new_tokens=8"]) == 0
    said = capsys.readouterr().out
    assert "humaneval: 3 problems, pass@1 0.00%" in said
    assert "pass@2" in said
    assert "bits per byte" in said
    (folder,) = (run.path / "evaluations").glob("humaneval*")
    assert len(rows_of(folder / "humaneval.jsonl.gz")) == 12
    assert audit.command(["copying", f"run={run.path}"]) == 0
    assert "of the generated text stands in the prompt" in capsys.readouterr().out


def test_a_model_that_sees_the_future_is_refused_and_says_leaks_where_it_is_allowed(train_code: Train, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sees the future: changing token .* audit\.allow_leak=true"):
        train_code("model=transformer", "regime=shallow", "data.attention=full")
    with pytest.raises(
        UserError, match=r"sees the future: .*; leave out model\.attention=as_published, or train .* audit\.allow_leak=true"
    ):
        train_code("model=transformer", "regime=shallow", "model.attention=as_published")
    run = train_code("model=transformer", "regime=shallow", "data.attention=full", "audit.allow_leak=true")
    summary, audited = run.read_json("summary.json"), run.read_json("audit.json")
    assert summary is not None
    assert audited is not None
    assert audited["causality"]["passed"] is False
    assert summary["score"] == "exact_accuracy"
    assert "pass_at_1" not in summary["test"]
    report = make_report(study="code", output_root=tmp_path / "outputs", reports_root=tmp_path / "reports", baseline="transformer")
    text = report.path.read_text()
    numbers = [line for line in text.splitlines() if line.startswith("| ") and "`transformer`" in line]
    assert numbers
    unmarked = [line for line in numbers if "LEAKS" not in line]
    assert [line for line in unmarked if "| model `transformer` |" not in line] == []  # what an arm is holds on every task
    assert len(unmarked) == 1


@pytest.mark.slow
def test_an_arm_with_the_published_leak_is_trained_on_purpose_and_the_card_says_so(train_code: Train, tmp_path: Path) -> None:
    run = train_code("model=planner_executor", "regime=shallow", "model.attention=as_published", "audit.allow_leak=true")
    summary, audited = run.read_json("summary.json"), run.read_json("audit.json")
    assert summary is not None
    assert audited is not None
    assert audited["causality"]["passed"] is False
    assert "pass_at_1" in summary["test"], "it writes token by token, where there is no future to see"
    scales = {float(value) for name, value in open_run(run.path).reasoner.state_dict().items() if name.endswith(".scale")}
    assert len(scales) == 1
    assert 0.8 < scales.pop() < 0.98, "the schedule has gone on with the training"
    report = make_report(study="code", output_root=tmp_path / "outputs", reports_root=tmp_path / "reports", baseline="planner_executor")
    (line,) = [line for line in report.path.read_text().splitlines() if line.startswith("| Causality")]
    assert "planner_executor" in line
    assert "LEAKS" in line


@pytest.mark.slow
def test_the_published_protocol_overlaps_and_the_audits_say_so(train_code: Train, capsys: pytest.CaptureFixture[str]) -> None:
    published = ("data.protocol=published", "data.sequence_length=128", "data.layout=padded")
    run = train_code("model=transformer", "regime=shallow", *published)
    data, audited = run.read_json("data.json"), run.read_json("audit.json")
    assert data is not None
    assert audited is not None
    assert data["splits"]["train"]["count"] == 150
    assert data["splits"]["validation"]["count"] == data["splits"]["test"]["count"] == 20
    assert data["overlap"]["train_test_classes"] == 4
    assert audited["contamination"]["leaks"] is True
    assert audit.command(["contamination", *SMALL[:1], *published]) == 1
    assert "LEAKS" in capsys.readouterr().out


@pytest.mark.slow
def test_the_audit_command_tries_every_model_and_fails_where_one_leaks(capsys: pytest.CaptureFixture[str]) -> None:
    models = "model=hrm,transformer,deep_supervision_transformer"
    assert audit.command(["causality", models, "data=synthetic_code"]) == 0
    assert capsys.readouterr().out.count(": causal: 12 positions") == 3
    assert audit.command(["causality", "model=hrm", "regime=brief", "data=synthetic_code", "data.attention=causal,full"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert sum("LEAKS" in line for line in said) == len(said) - 1
    assert audit.command(["causality", "data=sudoku"]) == 0
    assert "not applicable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["causalty"], "did you mean causality"),
        (["contamination", "data=sudoku"], "no texts to compare"),
        (["copying"], "run=RUN_DIRECTORY"),
        (["causality", "data=synthetic_code", "data.max_depth=9"], "1 to 5"),
        (["causality", "data=synthetic_code", "data.protocol=published", "data.sequence_length=100"], "128, 192 or 256"),
        (["causality", "data=synthetic_code", "data.tokenizer=bpe", "data.vocabulary_size=7"], "vocabulary_size=7"),
    ],
)
def test_bad_questions_are_answered_in_a_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        audit.command(words)


def test_code_is_not_asked_of_puzzles(train_run: Train) -> None:
    with pytest.raises(UserError, match="evaluation=humaneval is for code"):
        train_run("evaluation=humaneval", "training.steps=2")


def test_bad_generations_are_refused_by_row(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"task_id": "HumanEval/0", "completion": "    pass"}\n{"task_id": "HumanEval/0"}\n')
    with pytest.raises(UserError, match=r"row 2.*completion"):
        evaluate.command([f"generations={file}", "evaluation=humaneval"])
    file.write_text('{"task_id": "Nobody/0", "completion": ""}\n')
    with pytest.raises(UserError, match="Nobody/0"):
        evaluate.command([f"generations={file}", "evaluation=humaneval"])
    with pytest.raises(UserError, match="add evaluation=humaneval"):
        evaluate.command([f"generations={file}"])
    with pytest.raises(UserError, match="does not exist"):
        evaluate.command([f"generations={tmp_path / 'none.jsonl'}", "evaluation=humaneval"])


def test_generations_and_devices_that_do_not_fit_are_refused(train_run: Train, tmp_path: Path) -> None:
    run = train_run("training.steps=1")
    file = tmp_path / "mine.jsonl"
    file.write_text('{"task_id": "HumanEval/0", "completion": "    pass"}\n')
    with pytest.raises(UserError, match="no problems that are answered by writing code"):
        evaluate.command([f"generations={file}", f"run={run.path}"])
    with pytest.raises(UserError, match="another task than the run's"):
        evaluate.command([f"run={run.path}", "data.name=maze"])
    if not torch.cuda.is_available():
        for words in ([f"run={run.path}"], [f"generations={file}", "evaluation=humaneval"]):
            with pytest.raises(UserError, match=r"^trainer\.accelerator=gpu needs a CUDA device .* use trainer\.accelerator=cpu"):
                evaluate.command([*words, "trainer.accelerator=gpu"])
