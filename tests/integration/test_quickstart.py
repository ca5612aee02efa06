"""hrm-quickstart: prompts answered or flags given, it trains what was chosen; the cost that it says beforehand is what the runs record."""

import io
import re
import sys
import webbrowser
from pathlib import Path

import pytest

from hrmlab.cli import quickstart, sweep
from hrmlab.cli.command import guarded
from hrmlab.runs.finding import find_runs

FEW = (
    "data.train_examples=64",
    "data.validation_examples=20",
    "data.test_examples=30",
    "regime.segments=2",
    "training.batch_size=8",
    "trainer.threads=1",
    "trainer.progress_bar=false",
)


@pytest.fixture(autouse=True)
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    pages: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webbrowser, "open", lambda page: pages.append(page))
    return pages


class Terminal(io.StringIO):
    """Standard input on which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_answers_to_its_questions_lead_to_a_report_and_to_what_was_said(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first takes what is proposed; the second is no size and asked again.
    monkeypatch.setattr(sys, "stdin", Terminal("\nhuge\nnano\nhrm, transformer\n1\ny\n"))
    assert quickstart.command(["--steps", "6", "--study", "mine", *FEW]) == 0
    said = capsys.readouterr().out
    assert "does every arm learn a small Sudoku" in said
    assert "experiments=sudoku/quick_4x4 size=nano study=mine model=hrm,transformer seed=0 training.steps=6" in said
    runs = {run.labels.arm: run for run in find_runs("outputs", "mine")}
    assert set(runs) == {"hrm", "transformer"}
    flops = 0
    for run in runs.values():
        summary = run.read_json("summary.json")
        assert summary is not None
        own = summary["training"]["flops"]
        flops += own
        assert re.search(rf"{run.labels.arm} +[\d,]+ +{re.escape(f'{own:.2e}')} +about ", said)
    assert re.search(rf"2 runs.*: {re.escape(f'{flops:.2e}')} floating-point operations, about \d", said)
    assert f"cost of the runs that are completed: {flops:.2e} floating-point operations" in said
    assert opened == [Path("reports/mine/report.html").resolve().as_uri()]


def test_no_is_an_answer(opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--task", "sudoku/quick_4x4", "--size", "nano", "--arms", "transformer", "--seeds", "1", "--steps", "4", *FEW]
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert quickstart.command(flags) == 0
    assert "nothing was trained" in capsys.readouterr().out
    assert quickstart.command([*flags, "--yes", "--dry-run"]) == 0
    assert "1 run: " in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert guarded(quickstart.NAME, lambda: quickstart.command(flags[2:])) == 2
    assert "the answers ended before the questions did" in capsys.readouterr().err
    assert (opened, list(Path().iterdir())) == ([], [])


def test_what_is_no_choice_is_said_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    for words, part in (
        (["--yes", "--task", "sudoku/quick_4x5"], "did you mean sudoku/quick_4x4?"),
        (["--yes", "--arms", "hrm,transfomer"], "did you mean transformer?"),
        (["--yes", "--arms", ","], "--arms names no arm"),
        (["--yes", "--seeds", "none"], "--seeds none is not a whole number above 0"),
        (["--yes", "--steps", "0"], "--steps 0 is not a whole number above 0"),
        (["--yes", "training.stepps=3"], "training.stepps"),
        ([], "give --yes"),
    ):
        assert guarded(quickstart.NAME, lambda words=words: quickstart.command(words)) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert part in said


@pytest.mark.slow
def test_a_sweep_s_cost_is_said_before_it_is_paid(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["experiments=sudoku/quick_4x4", "study=mine", "model=transformer", "size=nano,tiny", "training.steps=4", *FEW]
    assert sweep.command([*words, "seed=0,1", "--estimate"]) == 0
    said = capsys.readouterr().out
    assert "4 jobs: 4 to start" in said
    by_size = {size: float(found[1]) for size in ("nano", "tiny") if (found := re.search(rf"{size} +[\d,]+ +(\S+) +about ", said))}
    assert by_size["nano"] < by_size["tiny"]
    assert _total(said, "4 runs") == pytest.approx(2 * sum(by_size.values()), rel=0.01)
    assert list(Path().iterdir()) == []  # nothing was trained, nothing written
    words[3] = "size=nano"
    assert sweep.command([*words, "seed=0,1", "--no-report"]) == 0
    for run in find_runs("outputs", "mine"):
        summary = run.read_json("summary.json")
        assert summary is not None
        assert f"{summary['training']['flops']:.2e}" == f"{by_size['nano']:.2e}"
    capsys.readouterr()
    assert sweep.command([*words, "seed=0,1,2", "--estimate", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "3 jobs: 1 to start, 2 completed already" in said
    assert _total(said, "1 run") == pytest.approx(by_size["nano"], rel=0.01)
    for refused, part in ((["sweeps=tune_quick"], "leave --estimate out"), ([*words, "seed=7", "trainer=ddp_cpu"], "trainer.devices=1")):
        assert guarded(sweep.NAME, lambda refused=refused: sweep.command([*refused, "--estimate"])) == 2
        assert part in capsys.readouterr().err


def _total(said: str, runs: str) -> float:
    found = re.search(rf"{runs}(?:, \d+ at a time)?: (\S+) floating-point operations, about \d", said)
    assert found is not None, said
    return float(found[1])
