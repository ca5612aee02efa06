"""hrmlab.metrics: what all runs below a folder measured, each value once and under its own run."""

from pathlib import Path

import pandas as pd
import pytest

import hrmlab
from hrmlab.core.errors import UserError
from hrmlab.runs.directory import RunDirectory
from run_factory import make_run


def _runs(folder: Path) -> list[RunDirectory]:
    return [make_run(folder, arm=arm, seed=seed) for arm in ("hrm", "transformer") for seed in (0, 1)]


def test_a_table_holds_every_value_of_every_run_once(tmp_path: Path) -> None:
    runs = _runs(tmp_path)
    found = hrmlab.metrics(tmp_path)
    assert list(found.columns) == ["study", "task", "arm", "size", "seed", "run", "step", "seconds", "metric", "value"]
    assert set(found["run"]) == {str(run.path) for run in runs}
    for run in runs:
        own = found.query("run == @run.path.as_posix()").reset_index(drop=True)
        pd.testing.assert_frame_equal(own.filter(["step", "seconds", "metric", "value"]), pd.read_csv(run.metrics_file))
        assert set(zip(own["arm"], own["seed"], strict=True)) == {(run.labels.arm, run.labels.seed)}
    one = hrmlab.metrics(runs[0].path)
    assert len(one) == (found["run"] == str(runs[0].path)).sum()
    curves = found.pivot_table("value", "step", ["arm", "metric"])
    assert curves[("hrm", "val/exact_accuracy")].iloc[-1] > curves[("transformer", "val/exact_accuracy")].iloc[-1]


def test_drafts_are_no_runs_and_a_folder_without_runs_is_said(tmp_path: Path) -> None:
    (run, *_) = _runs(tmp_path)
    draft = run.path.parent / ".unfinished"
    draft.mkdir()
    (draft / "run.json").write_text("{}")
    assert not hrmlab.metrics(tmp_path)["run"].str.contains("unfinished").any()
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(UserError, match="holds no run directory"):
            hrmlab.metrics(folder)
    run.metrics_file.unlink()
    assert hrmlab.metrics(run.path).empty
