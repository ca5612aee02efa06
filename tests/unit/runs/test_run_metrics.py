"""metrics.csv survives kills and resumes; provenance is plain data."""

import json
import subprocess
from pathlib import Path

import pytest

from hrmlab.runs import provenance as module
from hrmlab.runs.metrics import HEADER, MetricsWriter
from hrmlab.runs.provenance import provenance


def test_rows_are_there_as_soon_as_they_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    with MetricsWriter(path) as writer:
        writer.append(1, 0.5, {"train/loss": 2, "val/exact_accuracy": 0.1})
        assert path.read_text() == HEADER + "1,0.500,train/loss,2.0\n1,0.500,val/exact_accuracy,0.1\n"
    with MetricsWriter(path) as writer:
        writer.append(2, 1.0, {"train/loss": float("nan")})
    assert path.read_text().splitlines()[-1] == "2,1.000,train/loss,nan"
    assert path.read_text().count("step,") == 1


def test_truncation_drops_later_steps_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    with MetricsWriter(path) as writer:
        for step in (10, 20, 30):
            writer.append(step, step, {"a": step, "b": step})
        writer.truncate_after(20)
        writer.append(25, 25, {"a": 25})
    assert [line.split(",")[0] for line in path.read_text().splitlines()[1:]] == ["10", "10", "20", "20", "25"]


def test_a_torn_last_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(HEADER + "1,0.0,a,1.0\n2,0.0,a,1.")
    with MetricsWriter(path) as writer:
        writer.append(2, 0, {"a": 3})
    assert path.read_text() == HEADER + "1,0.0,a,1.0\n2,0.000,a,3.0\n"


def test_a_metric_name_must_fit_in_a_cell(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path / "metrics.csv") as writer, pytest.raises(ValueError, match="comma"):
        writer.append(1, 0, {"a,b": 1})


def test_provenance_is_plain_data_without_names_of_host_or_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/hrm-train", "seed=1"])
    facts = provenance()
    json.dumps(facts)
    assert facts["command"] == ["hrm-train", "seed=1"]
    assert facts["packages"]["numpy"]
    assert facts["cpu_cores"] >= 1
    assert isinstance(facts["gpus"], list)
    assert "hostname" not in json.dumps(list(facts))


def test_commit_and_dirty_flag(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "src").mkdir()
    file = tmp_path / "src" / "module.py"
    file.write_text("a = 1\n")
    assert module._git_state(file) == (None, None)  # untracked: an installed wheel inside somebody's repository
    git("add", ".")
    git("commit", "-qm", "first")
    commit, dirty = module._git_state(file)
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False
    (tmp_path / "notes.txt").write_text("not a source")
    assert module._git_state(file) == (commit, False)
    file.write_text("a = 2\n")
    assert module._git_state(file) == (commit, True)


def test_a_command_that_is_absent_or_fails_says_none() -> None:
    assert module._output_of(["no-such-command-here"]) is None
    assert module._output_of(["false"]) is None
