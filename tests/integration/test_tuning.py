"""Tuning with equal effort from the outside: the same trials for every arm, chosen on validation, and used by the study that follows."""

import signal
from pathlib import Path

import pytest
import yaml

from hrmlab.runs.directory import config_hash
from hrmlab.runs.finding import find_runs

TUNE = ("sweeps=tune", "--no-report")


def tuned(folder: Path, study: str = "tune") -> dict:
    return yaml.safe_load((folder / f"reports/{study}/tuned.yaml").read_text())


@pytest.mark.slow
def test_every_arm_gets_the_same_trials_and_its_best_on_validation(commands, tmp_path):
    code, output = commands.run("sweep", *TUNE)
    assert code == 0, output
    found = tuned(tmp_path)
    assert (found["study"], found["trials"], found["seeds"], found["sampler"]) == ("tune", 3, [100], "grid")
    assert found["space"] == {"optimizer.learning_rate": "1e-4,1e-3,1e-2"}
    small, large = found["experiments"]["fake/small"], found["experiments"]["fake/large"]
    assert (small["task"], small["measure"], large["task"]) == ("fake_4x4", "exact_accuracy", "fake_6x6")
    for arm in ("hrm", "transformer"):
        assert small["per_arm"][arm] == {"optimizer": {"learning_rate": 0.001}}
        assert large["per_arm"][arm] == {"optimizer": {"learning_rate": 0.0001}}
        rows = small["arms"][arm]["trials"]
        assert [row["optimizer.learning_rate"] for row in rows] == [0.0001, 0.001, 0.01]
        assert {(row["state"], row["steps"]) for row in rows} == {("completed", 7)}
        assert small["arms"][arm]["at_the_edge"] == []
        assert large["arms"][arm]["at_the_edge"] == ["optimizer.learning_rate"]
    assert "hrm on fake/small: optimizer.learning_rate=0.001 (validation 0.2454, 3 trials)" in output
    assert "tuned values: reports/tune/tuned.yaml (as tables: tuned.md)" in output
    page = (tmp_path / "reports/tune/tuned.md").read_text()
    assert "| Arm | learning_rate 0.0001 | learning_rate 0.001 | learning_rate 0.01 |" in page
    assert "**0.245**" in page
    assert "## fake_4x4 (`fake/small`)" in page
    before = (tmp_path / "reports/tune/tuned.yaml").read_text()
    code, output = commands.run("sweep", *TUNE)
    assert code == 0
    assert "12 jobs: 12 completed already" in output
    assert (tmp_path / "reports/tune/tuned.yaml").read_text() == before


@pytest.mark.slow
def test_a_trial_that_diverges_counts_and_is_no_failure_of_the_sweep(commands, tmp_path):
    code, output = commands.run("sweep", *TUNE, "experiments=fake/small", "data.diverges_from=0.001")
    assert code == 0, output
    block = tuned(tmp_path)["experiments"]["fake/small"]
    assert block["per_arm"]["hrm"] == {"optimizer": {"learning_rate": 0.0001}}
    rows = block["arms"]["hrm"]["trials"]
    assert [row["state"] for row in rows] == ["completed", "failed", "failed"]
    assert rows[1]["reason"] == "the loss became NaN"
    assert "3 trials, 2 failed" in output
    code, output = commands.run("sweep", "sweeps=tune", "--no-report", "study=none", "experiments=fake/small", "data.diverges_from=1e-5")
    assert code == 1
    assert "hrm on fake/small: nothing chosen; 3 of 3 trials have ended, 3 of them failed" in output
    assert tuned(tmp_path, "none")["experiments"]["fake/small"]["per_arm"] == {}


@pytest.mark.slow
def test_a_stopped_search_goes_on_and_chooses_nothing_before_its_end(commands, tmp_path):
    words = (*TUNE, "experiments=fake/small", "data.seconds=1.5", "--jobs", "1")
    process = commands.start("sweep", *words)
    while not any(run.state == "completed" for run in find_runs(tmp_path / "outputs", "tune")):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = sum(run.state == "completed" for run in find_runs(tmp_path / "outputs", "tune"))
    assert 0 < done < 6
    code, output = commands.run("sweep", *words)
    assert code == 0, output
    assert len(find_runs(tmp_path / "outputs", "tune")) == 6
    assert set(tuned(tmp_path)["experiments"]["fake/small"]["per_arm"]) == {"hrm", "transformer"}


@pytest.mark.slow
def test_arms_tuned_apart_come_together_in_one_file(commands, tmp_path):
    for arm in ("hrm", "transformer"):
        assert commands.run("sweep", *TUNE, "experiments=fake/small", f"model={arm}")[0] == 0
    assert set(tuned(tmp_path)["experiments"]["fake/small"]["per_arm"]) == {"hrm", "transformer"}


@pytest.mark.slow
def test_the_study_that_follows_takes_the_values_and_records_how_they_were_found(commands, tmp_path):
    assert commands.run("sweep", *TUNE)[0] == 0
    words = ("study=final", "model=hrm,transformer", "experiments=fake/small,fake/large", "tuning=reports/tune/tuned.yaml", "--no-report")
    code, output = commands.run("sweep", *words)
    assert code == 0, output
    runs = find_runs(tmp_path / "outputs", "final")
    assert {(run.labels.task, run.labels.arm): run.config["optimizer"]["learning_rate"] for run in runs} == {
        ("fake_4x4", "hrm"): 0.001,
        ("fake_4x4", "transformer"): 0.001,
        ("fake_6x6", "hrm"): 0.0001,
        ("fake_6x6", "transformer"): 0.0001,
    }
    record = runs[0].config["tuning"]
    assert record["chosen"] == {"optimizer.learning_rate": 0.001}
    assert record["score"] == pytest.approx(0.2454, abs=1e-4)
    told = {
        key: record[key] for key in ("study", "file", "experiment", "arm", "measure", "trials", "failed", "seeds", "steps", "at_the_edge")
    }
    assert told == {
        "study": "tune",
        "file": "reports/tune/tuned.yaml",
        "experiment": "fake/small",
        "arm": "hrm",
        "measure": "exact_accuracy",
        "trials": 3,
        "failed": 0,
        "seeds": [100],
        "steps": 7,
        "at_the_edge": [],
    }
    assert config_hash({**runs[0].config, "tuning": None}) == runs[0].hash, "how it was found changes nothing of what is computed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model=hrm", "experiments=fake/small", "tuning=nowhere.yaml"], "tuning=nowhere.yaml is not there"),
        (["model=hrm", "experiments=fake/large"], "holds nothing tuned for fake/large"),
        (["model=flat_hrm", "experiments=fake/small"], "holds no values of model=flat_hrm on fake/small, which were tuned for hrm"),
        (["model=hrm", "experiments=fake/small", "optimizer.learning_rate=1"], "optimizer.learning_rate is given, and tuning="),
    ],
)
def test_what_was_not_tuned_is_refused(commands, tmp_path, words, said):
    folder = tmp_path / "reports"
    folder.mkdir()
    block = {"task": "fake_4x4", "per_arm": {"hrm": {"optimizer": {"learning_rate": 0.5}}}, "arms": {}}
    (folder / "tuned.yaml").write_text(yaml.safe_dump({"experiments": {"fake/small": block}}))
    code, output = commands.run("train", *(["tuning=reports/tuned.yaml"] if "tuning" not in words[-1] else []), *words)
    assert code == 2, output
    assert said in output


@pytest.mark.slow
def test_tpe_follows_results_and_finds_its_trials_again(commands, tmp_path):
    optuna = pytest.importorskip("optuna")
    commands.environment["PYTHONPATH"] += f":{Path(optuna.__file__).parents[1]}"
    space = "search.space={optimizer.learning_rate: 'interval(1e-4,1e-1)'}"
    words = (*TUNE, "experiments=fake/small", "search.sampler=tpe", "search.trials=6", space)
    code, output = commands.run("sweep", *words)
    assert code == 0, output
    first = tuned(tmp_path)["experiments"]["fake/small"]
    assert all(len(told["trials"]) == 6 for told in first["arms"].values())
    assert len(find_runs(tmp_path / "outputs", "tune")) == 12
    code, output = commands.run("sweep", *words)
    assert code == 0
    assert tuned(tmp_path)["experiments"]["fake/small"] == first
    assert len(find_runs(tmp_path / "outputs", "tune")) == 12
