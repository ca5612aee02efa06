"""The one-step gradient takes the same memory whatever the number of cycles, the full gradient as much again for each."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from benchmarks import __main__ as benchmarks
from benchmarks import memory_cycles
from benchmarks.memory import measure
from benchmarks.memory_figure import draw

_MODEL = {"_target_": "hrmlab.models.hrm.HRM", "name": "hrm", "hidden_size": 32, "num_heads": 2, "mlp_width": 64}
_DATA = {"_target_": "hrmlab.data.sudoku.task.SudokuTask", "side": 4, "train_examples": 1, "validation_examples": 1, "test_examples": 1}
_SIZE = {"name": "test", "parameters": 30_000, "head_size": 16}


@cache
def measured(gradient: str, cycles: int, checkpointing: bool = False) -> dict[str, Any]:
    model = {**_MODEL, "h_layers": 1, "l_layers": 1, "gradient": gradient, "h_cycles": cycles}
    return measure({"model": model, "size": _SIZE, "data": _DATA, "batch_size": 32, "gradient_checkpointing": checkpointing})


@pytest.mark.parametrize("figure", ["kept_bytes", "peak_bytes"])
def test_the_one_step_gradient_takes_the_same_whatever_the_cycles(figure: str) -> None:
    assert measured("one_step", 1)[figure] == measured("one_step", 3)[figure] > 0


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_full_gradient_keeps_as_much_again_for_each_cycle(checkpointing: bool) -> None:
    one, two, four = (measured("full", cycles, checkpointing)["kept_bytes"] for cycles in (1, 2, 4))
    assert two - one > one / 2
    assert four - two == 2 * (two - one)


def test_the_peak_is_what_is_kept_and_under_checkpointing_one_block_more() -> None:
    plain, again = measured("full", 4), measured("full", 4, True)
    slack = 0.1 * plain["kept_bytes"]  # gradients and states, which both have
    assert again["kept_bytes"] < plain["kept_bytes"] / 5
    assert plain["kept_bytes"] < plain["peak_bytes"] < plain["kept_bytes"] + slack
    assert again["kept_bytes"] + again["block_bytes"] < again["peak_bytes"] < again["kept_bytes"] + again["block_bytes"] + slack


def test_every_setting_is_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    jobs: list[dict[str, Any]] = []

    def instead(module: str, job: dict[str, Any]) -> dict[str, Any]:
        jobs.append(job)
        cycles = job["model"]["h_cycles"]
        return {"device": "cpu", "kept_bytes": cycles * 2**20, "peak_bytes": cycles * 2**21, "block_bytes": 7}

    monkeypatch.setattr(memory_cycles, "in_fresh_process", instead)
    figure = tmp_path / "figure.png"
    assert benchmarks.main(["case=memory_cycles", f"figure={figure}"]) == 0
    settings = {(job["model"]["gradient"], job["gradient_checkpointing"], job["model"]["h_cycles"]) for job in jobs}
    assert len(settings) == len(jobs) == 16
    assert "block_bytes: 7" in capsys.readouterr().out
    series = ("one_step", "one_step_checkpointed", "full", "full_checkpointed")
    kept, peak = ({name: {cycles: cycles * unit for cycles in (1, 2, 4, 8)} for name in series} for unit in (2**20, 2**21))
    assert figure.read_bytes() == draw(kept, peak)
    assert figure.read_bytes() != draw(kept, kept)
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["case=startup", "figure=a.png"], "figure=a.png is drawn by one case at a time, memory_cycles or cost_growth"),
        (["case=memory_cycles", "figure=a.jpg"], "figure=a.jpg is no PNG file in a folder that exists"),
        (["case=memory_cycles", "figure=nowhere/a.png"], "figure=nowhere/a.png is no PNG file in a folder that exists"),
    ],
)
def test_a_figure_that_cannot_be_is_refused_before_anything_runs(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert benchmarks.main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert not captured.out
