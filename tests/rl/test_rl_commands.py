"""hrm-generate, the report of runs that practised, hrm-convert of one, and the documentation's programs."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_practice import TINY_PRACTICE

from hrmlab.cli import generate
from hrmlab.core.errors import UserError
from hrmlab.reporting.report import write_report
from hrmlab.runs.directory import RunDirectory
from offline_wandb import logged

pytest.importorskip("trl", reason="make test-rl installs the extra rl and runs these tests")
pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "rl.md"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunDirectory]:
    """Two arms, two seeds each."""
    from hrmlab.config.composition import composer
    from hrmlab.workflows.launch import execute, new_run

    root, found = tmp_path_factory.mktemp("practised"), []
    words = [word for word in TINY_PRACTICE if not word.startswith(("model", "objective.order"))]
    for model in (["model=transformer", "model.layers=1"], ["model=hrm", "model.h_layers=1", "model.l_layers=1"]):
        for seed in (0, 1):
            with composer([]) as composing:
                overrides = [*words, *model, f"seed={seed}", "objective.order=[format]", f"output_root={root}", "study=practised"]
                run = new_run(composing.compose(overrides).config, [])
            execute(run)
            found.append(run)
    return found


def test_what_is_written_after_each_stage_stands_side_by_side(runs: list[RunDirectory], capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.command([f"run={runs[0].path}", "count=2", "samples=2", "temperature=1", "max_new_tokens=8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("  warm_up  wrong")]) == 4
    assert len([line for line in lines if line.startswith("  format   wrong")]) == 4
    assert generate.command([f"run={runs[0].path}", "stage=format", "prompt=1+1=?", "max_new_tokens=4"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1+1=?"
    assert second.startswith("  format")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stage=frmat"], "stage=frmat is no finished stage .* there are warm_up, format"),
        (["temperature=hot"], "temperature=hot is no number"),
        (["prompt=1+1=?", "count=3"], "leave one of them out"),
        (["prompt=" + "1+" * 40], "the prompt has 82 tokens, and this model can read 64 with its answer"),
        (["cuont=3"], "did you mean count"),
    ],
)
def test_bad_input_is_one_sentence(runs: list[RunDirectory], words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        generate.command([f"run={runs[0].path}", *words])


def test_a_run_that_never_practised_is_told_so(train_run: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run= is missing"):
        generate.command(["count=3"])
    run = train_run("training.steps=1")
    with pytest.raises(UserError, match="no run that writes"):
        generate.command([f"run={run.path}"])


def test_the_report_shows_rewards_and_the_accuracy_after_each_stage(runs: list[RunDirectory], tmp_path: Path) -> None:
    root = runs[0].path.parents[5]
    path = write_report(study="practised", output_root=root, reports_root=tmp_path / "reports")
    text = path.read_text()
    section = text[text.index('id="learning-by-reward"') :]
    assert (path.parent / "figures" / "practice.png").stat().st_size > 10_000
    for words in ("| After |", "| warm up |", "| format |", "Gain over the warm-up", "figures/practice.png"):
        assert words in section
    rows = [line for line in section.splitlines() if line.startswith("|") and "| warm up |" in line]
    assert len(rows) == 2


def test_a_run_that_practised_becomes_a_folder_of_transformers(runs: list[RunDirectory], tmp_path: Path) -> None:
    import torch

    from hrmlab import open_run
    from hrmlab.hugging_face import HRMLabForCausalLM
    from hrmlab.workflows.hugging_face import to_folder

    opened = open_run(runs[2].path)
    to_folder(opened, tmp_path / "folder")
    model: Any = HRMLabForCausalLM.from_pretrained(tmp_path / "folder")
    for name, value in opened.reasoner.state_dict().items():
        assert torch.equal(model.reasoner.state_dict()[name], value)


def test_the_programs_of_the_documentation_run(capsys: pytest.CaptureFixture[str]) -> None:
    text = DOCUMENTATION.read_text()
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        exec(program, {})
    assert re.match(r"\S+=\? <think>.*</think><SOLUTION>\d+</SOLUTION>\n", capsys.readouterr().out)


def test_the_commands_of_the_documentation_are_such(practice_config: Callable[..., dict[str, Any]]) -> None:
    """What it says to give hrm-train composes."""
    from hrmlab.cli.arguments import key_values
    from hrmlab.config.composition import composer, protect

    lines = [line.partition("  #")[0].strip() for line in DOCUMENTATION.read_text().splitlines() if line.startswith("    hrm-")]
    assert len(lines) >= 6
    with composer([]) as composing:
        for line in lines:
            command, *words = [word.strip('"') for word in re.findall(r'(?:[^\s"]|"[^"]*")+', line)]
            words = [word.replace('"', "") for word in words]
            if command == "hrm-train":
                composing.compose([protect(word) for word in words if not word.startswith("resume=")])
            else:
                assert command == "hrm-generate"
                key_values(words, keys=generate._OWN)


def test_weights_and_biases_follows_practice_too(practise_run: Callable[..., RunDirectory]) -> None:
    wandb = pytest.importorskip("wandb")
    run = practise_run("objective.order=[format]", "logger=[wandb,tensorboard]", "logger.mode=offline")
    wandb.finish()
    (table,) = (run.path / "wandb").rglob("samples_after_format*.table.json")
    samples = json.loads(table.read_text())
    assert samples["columns"] == ["problems of", "prompt", "completion", "rewards"]
    assert len(samples["data"]) == 6
    assert "own_rewards.lottery 0." in samples["data"][0][3]
    (file,) = (run.path / "wandb").glob("offline-run-*/*.wandb")
    deadline = time.monotonic() + 60
    history: dict[str, Any] = {}
    while "test/pass_at_1" not in history and time.monotonic() < deadline:  # its service closes the file a little later
        history = {**logged(file)[0], **logged(file)[1]}
        time.sleep(0.2)
    assert {"practice/reward", "practice/test/test", "practice/groups_without_signal"} <= history.keys()
