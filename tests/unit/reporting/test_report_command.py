"""hrm-report on the command line, and the W&B mirror."""

import builtins
import json
import subprocess
import sys
from pathlib import Path

import pytest
from code_runs import make_code_run

import command_server
from hrmlab.cli.report import command, parse
from hrmlab.core.errors import UserError
from hrmlab.reporting.report import Report
from hrmlab.reporting.wandb_mirror import mirror_report, summary_name
from offline_wandb import logged


@pytest.mark.slow
def test_the_command_prints_the_verdict_and_the_path(outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["study=quick", f"output_root={outputs}", f"reports_root={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    left_out, verdict, *_ = printed.splitlines()
    assert left_out.startswith("Left out: 6 of 23 launches")
    assert verdict.startswith("At equal steps, hrm is better than transformer on both tasks.")
    assert printed.endswith(f"report: {tmp_path / 'quick' / 'report.md'}\n")


def test_help_needs_nothing() -> None:
    program = """
import atexit, sys
sys.argv = ["hrm-report", "--help"]
atexit.register(lambda: print(sorted({"numpy", "torch", "hydra"} & set(sys.modules))))
from hrmlab.cli.report import main
main()
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "study=NAME" in result.stdout
    assert result.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["studi=quick"], "unknown key studi; did you mean study?"),
        (["quick"], "'quick' is not KEY=VALUE"),
        (["study="], "study= has no value"),
        (["study=a", "study=b"], "study is given twice"),
        (["study=a", "wandb=maybe"], "wandb=maybe is not true or false"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_study_lists_the_studies_and_exits_2(outputs: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "hrmlab.cli.report", f"output_root={outputs}"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"hrm-report: study=NAME is missing; studies under {outputs}: quick\n"


def test_wandb_is_missed_in_one_sentence(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: object, **keywords: object) -> object:
        if name == "wandb":
            raise ModuleNotFoundError("No module named 'wandb'", name="wandb")
        return real(name, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="pip install wandb"):
        mirror_report(report, folder=tmp_path)


def mirror(outputs: Path, folder: Path, study: str) -> Path:
    """The local folder of a study's mirror, made in a process of its own: W&B starts a service and leaves temporary folders to its end."""
    arguments = [f"study={study}", f"output_root={outputs}", f"reports_root={folder / 'reports'}", "wandb=true"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "WANDB_MODE": "offline"}
    result = command_server.run("hrmlab.cli.report", *arguments, environment=environment, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "W&B: " in result.stdout
    mirrored = sorted((outputs / "wandb").glob("offline-run-*"))[-1]
    assert list(mirrored.glob("*.wandb"))
    return mirrored


@pytest.mark.slow
def test_the_mirror_works_offline(outputs: Path, tmp_path: Path) -> None:
    mirrored = mirror(outputs, tmp_path, "quick")
    history, summary, artifacts = logged(next(mirrored.glob("*.wandb")))
    tables = {key.partition("/")[0] for key in history if key.endswith("/ncols")}
    assert {"results", "comparisons", "fairness", "not_counted"} <= tables
    figures = {path.stem for path in (tmp_path / "reports/quick/figures").glob("*.png")}
    assert figures
    assert {key.split("/")[1] for key in history if key.startswith("figures/")} == figures
    assert "hrm" in summary["verdict"]
    assert summary["maze_10x10/hrm-transformer/finding"]
    assert isinstance(summary["maze_10x10/hrm-transformer/corrected"], float)
    (artifact,) = [artifact for artifact in artifacts if artifact.type == "report"]
    assert artifact.name == "report-quick"
    folder = tmp_path / "reports/quick"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {entry.path for entry in artifact.manifest.contents} == written


@pytest.mark.slow
def test_tables_in_the_mirror_hold_numbers(outputs: Path, tmp_path: Path) -> None:
    (path,) = mirror(outputs, tmp_path, "quick").rglob("comparisons*.table.json")
    table = json.loads(path.read_text())
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert rows
    assert {row["asked"] for row in rows} == {True, False}
    assert all(isinstance(row["corrected"], float) == row["asked"] for row in rows), "what is exploratory has no corrected p value"
    assert not any("**" in str(value) or "`" in str(value) for row in rows for value in row.values())


@pytest.mark.slow
def test_every_report_of_a_study_goes_to_one_summary_run(outputs: Path, tmp_path: Path) -> None:
    assert mirror(outputs, tmp_path, "quick").name.endswith("-report-quick")
    assert summary_name("quick") == "report-quick"
    assert summary_name("a+b") != summary_name("a-b")


@pytest.mark.slow
def test_the_mirror_of_a_code_study_has_its_test_sets_and_depths(tmp_path: Path) -> None:
    for arm in ("hrm", "transformer"):
        make_code_run(tmp_path, arm=arm, leaks=arm == "hrm")
    tables = [path.read_text() for path in mirror(tmp_path, tmp_path, "code").rglob("*.table.json")]
    assert any('"leaks"' in table and "LEAKS" in table for table in tables)
    assert any('"leaking"' in table and "true" in table for table in tables)
