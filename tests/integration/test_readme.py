"""The README's commands do what it says: each is executed, made small by further overrides."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import command_server

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    command
    for line in README.splitlines()
    if line.startswith("    ") and (command := line.split("  #")[0].strip()).startswith(("hrm-", "make ", "python "))
]
PYTHON = [command for command in COMMANDS if command.startswith("python ")]
MODULES = {
    "hrm-train": "train",
    "hrm-eval": "evaluate",
    "hrm-demo": "demo",
    "hrm-sweep": "sweep",
    "hrm-report": "report",
    "hrm-audit": "audit",
    "hrm-exec": "execute",
    "hrm-convert": "convert",
    "hrm-serve": "serve",
    "hrm-export": "export",
    "hrm-quickstart": "quickstart",
}


def test_the_two_commands_come_first() -> None:
    assert COMMANDS[:2] == ["make sweep", "make test"]
    assert {shlex.split(command)[0] for command in COMMANDS} == {"make", "python", *MODULES}


def test_make_knows_every_target_that_is_named() -> None:
    targets = re.search(r"`make help` lists the rest: `([a-z -]+)`", README)
    assert targets is not None
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ["sweep", "test", *targets[1].split()]:
        assert re.search(rf"^  {target} ", listed, re.MULTILINE), target


def test_every_link_and_folder_exists() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
    for folder in re.findall(r"^\| `([a-z/]+)/` \|", README, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.slow
@pytest.mark.parametrize("command", PYTHON)
def test_every_command_of_plain_python_runs(command: str, tmp_path: Path) -> None:
    small = ("--steps", "1", "--length", "4", "--hidden-size", "4", "--batch-size", "1")
    words = [sys.executable, *shlex.split(command)[1:], *small]
    result = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / shlex.split(command)[-1]).stat().st_size > 0


@pytest.mark.slow
def test_every_command_runs(
    tmp_path: Path,
    tiny_overrides: tuple[str, ...],
    tiny_code_overrides: tuple[str, ...],
    tiny_formal_overrides: tuple[str, ...],
    tiny_arc_overrides: tuple[str, ...],
) -> None:
    outputs = f"output_root={tmp_path / 'outputs'}"
    small = (*tiny_overrides, outputs, "study=quick", "training.steps=2", "training.compile=false", "trainer=cpu", "data.source=generated")
    small_code = (*tiny_code_overrides, outputs, "study=code", "training.steps=2")
    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"task_id": "HumanEval/53", "completion": "    return x + y\\n"}\n')
    puzzles = tmp_path / "my_puzzles.csv"
    puzzles.write_text("question,answer\n12343412214343..,1234341221434321\n")

    def run(command: str, *more: str) -> None:
        name, *arguments = shlex.split(command)
        result = command_server.run(f"hrmlab.cli.{MODULES[name]}", *arguments, *more, cwd=tmp_path)
        assert result.returncode == 0, f"{command}: {result.stderr}"

    for command in COMMANDS:
        if command in PYTHON:
            continue  # test_every_command_of_plain_python_runs
        if command.startswith("hrm-train") and "code/" in command:
            run(command, *small_code)
        elif command.startswith("hrm-train") and "formal/" in command:
            run(command, *tiny_formal_overrides, outputs, "training.steps=2")
        elif command.startswith("hrm-train") and "arc/" in command:
            run(command, *tiny_arc_overrides, outputs, "training.steps=2")
        elif command.startswith("hrm-eval") and "humaneval" in command:
            (completed,) = sorted(tmp_path.rglob("code/synthetic_code*/*/*/*/*/COMPLETED"))
            few = ("evaluation.limit=2", "evaluation.max_new_tokens=4", "trainer.progress_bar=false")
            run(command.replace("outputs/...", str(completed.parent)), *few)
        elif command.startswith("hrm-exec"):
            run(command, "--workers", "1")
            assert '"passed": true' in (tmp_path / "results.jsonl").read_text()
        elif command.startswith("hrm-audit causality"):
            run(command)
        elif command.startswith("hrm-audit contamination"):
            run(command, *(word for word in tiny_code_overrides if word.startswith("data.")))
        elif command.startswith("hrm-audit stability"):
            completed = sorted(tmp_path.rglob("hrm*/nano*/seed=3/*/COMPLETED"))[0]
            run(command.replace("outputs/...", str(completed.parent)))
        elif command.startswith("hrm-train") and "outputs/..." not in command:
            run(command, *small)
        elif "resume=outputs/..." in command:
            (completed,) = sorted(tmp_path.rglob("hrm*/nano*/seed=3/*/COMPLETED"))
            completed.unlink()
            run(command.replace("outputs/...", str(completed.parent)))
        elif "extend=outputs/..." in command:
            completed = sorted(tmp_path.rglob("hrm*/nano*/seed=3/*/COMPLETED"))[0]
            run(command.replace("outputs/...", str(completed.parent)), "training.steps=4")
        elif command.startswith("hrm-serve"):
            pass  # ends when it is told to: test_docs_serving
        elif command.startswith(("hrm-demo", "hrm-convert", "hrm-export")):
            completed = sorted(tmp_path.rglob("hrm*/nano*/seed=3/*/COMPLETED"))[0]
            run(command.replace("outputs/...", str(completed.parent)))
        elif command.startswith("hrm-eval"):
            completed = sorted(tmp_path.rglob("hrm*/nano*/seed=3/*/COMPLETED"))[0]
            run(command.replace("outputs/...", str(completed.parent)).replace("my_puzzles.csv", str(puzzles)))
        elif command.startswith("hrm-quickstart"):
            run(command, *small, "--yes", "--dry-run", "--steps", "2")
        elif command.startswith("hrm-sweep") and "--estimate" in command:
            run(command, *small)
        elif command.startswith("hrm-sweep"):
            run(command, "--dry-run", outputs, "trainer=ddp_cpu")
        elif command.startswith("hrm-report"):
            run(command, outputs, f"reports_root={tmp_path / 'reports'}")
            assert (tmp_path / "reports" / "quick" / "report.md").is_file()
