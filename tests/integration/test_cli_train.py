"""hrm-train from the outside: run directories, endings, resume, multirun."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from hrmlab.runs.directory import RunDirectory, config_hash
from hrmlab.runs.files import write_yaml
from hrmlab.runs.finding import find_runs


def only_run(folder: Path, study: str = "default") -> RunDirectory:
    (run,) = find_runs(folder / "outputs", study)
    return run


def files_outside_runs(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and "seed=" not in str(path)]


def test_a_run_leaves_its_directory_and_nothing_else(commands, tmp_path):
    code, output = commands.run("train", "seed=3", "model=transformer")
    assert code == 0
    run = only_run(tmp_path)
    assert run.state == "completed"
    assert run.path.relative_to(tmp_path).as_posix() == f"outputs/default/fake_4x4/transformer/nano/seed=3/{run.hash}"
    assert (run.config["seed"], run.overrides) == (3, ["data=fake", "seed=3", "model=transformer"])
    assert output.splitlines() == [
        f"run directory: outputs/{run.path.relative_to(tmp_path / 'outputs')}",
        f"completed: test exact accuracy 0.5000 (5 of 10): outputs/{run.path.relative_to(tmp_path / 'outputs')}",
    ]
    assert files_outside_runs(tmp_path) == []


@pytest.mark.slow
def test_two_launches_in_the_same_moment_get_two_directories(commands, tmp_path):
    processes = [commands.start("train", "data.seconds=0.5") for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    runs = find_runs(tmp_path / "outputs", "default")
    assert [run.path.name for run in runs] == [runs[0].hash, f"{runs[0].hash}-2"]


@pytest.mark.parametrize(
    ("behaviour", "code", "state", "words"),
    [
        ("user_error", 2, "failed", ["hrm-train: data.path=nowhere.csv does not exist"]),
        (
            "training_failed",
            1,
            "failed",
            ["hrm-train: the loss is not finite; step 5; last checkpoint last.ckpt; lower optimizer.learning_rate"],
        ),
        ("crash", 1, "failed", ["Traceback", "ZeroDivisionError: a fault of ours"]),
        ("disk_full", 1, "interrupted", ["hrm-train: no space left on the disk", "hrm-train resume="]),
        ("exit", 143, "interrupted", ["hrm-train resume="]),
        ("lost_signal", 143, "interrupted", ["hrm-train: terminated; go on with: hrm-train resume="]),
    ],
)
def test_endings(commands, tmp_path, behaviour, code, state, words):
    got, output = commands.run("train", f"data.behaviour={behaviour}")
    run = only_run(tmp_path)
    assert (got, run.state) == (code, state), output
    for word in words:
        assert word in output
    assert ("Traceback" in output) == (behaviour in ("crash", "lost_signal"))
    assert "RuntimeError" not in output
    if state == "failed":
        assert run.failure["error"]
    if behaviour == "crash":
        assert run.failure["error"] == "ZeroDivisionError: a fault of ours"
    (tmp_path / "outputs" / "mended").touch()
    got, output = commands.run("train", f"resume={run.path}")
    assert (got, run.state) == (0, "completed"), output
    assert [json.loads(line).get("from") for line in (run.path / "launches.jsonl").read_text().splitlines()] == [0, 4, None]


@pytest.mark.parametrize(("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")])
def test_a_signal_leaves_the_run_resumable(commands, tmp_path, number, code, word):
    process = commands.start("train", "data.seconds=30")
    deadline = time.monotonic() + 30
    while not list(tmp_path.rglob("launches.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert only_run(tmp_path).state == "running"
    second, said = commands.run("train", f"resume={only_run(tmp_path).path}")
    assert (second, "in use by another process" in said) == (2, True)
    process.send_signal(number)
    output = process.communicate(timeout=30)[0]
    run = only_run(tmp_path)
    assert (process.returncode, run.state) == (code, "interrupted")
    path = run.path.relative_to(tmp_path)
    assert output.splitlines()[-1] == f"hrm-train: {word}; go on with: hrm-train resume={path}"


@pytest.mark.slow
def test_resume_takes_the_run_s_configuration_and_refuses_another(commands, tmp_path):
    commands.run("train", "model=transformer", "model.layers=3", "data.behaviour=disk_full")
    run = only_run(tmp_path)
    resume = f"resume={run.path}"
    for words, sentence in [
        (["seed=4"], "seed=4 contradicts"),
        (["model=hrm", "~model.layers"], "contradicts the run"),
        (["model.layers=4"], "model.layers=4 contradicts"),
        (["training.step=4"], "did you mean training.steps?"),
    ]:
        code, output = commands.run("train", resume, *words)
        assert (code, output.count("\n")) == (2, 1)
        assert sentence in output
    (tmp_path / "outputs" / "mended").touch()
    code, output = commands.run("train", resume, "model.layers=3", "trainer.threads=2", "logger=tensorboard")
    assert code == 0, output
    launches = [json.loads(line) for line in (run.path / "launches.jsonl").read_text().splitlines()]
    assert launches[1]["threads"][1] == 2
    assert find_runs(tmp_path / "outputs", "default")[0].config["model"]["layers"] == 3
    code, output = commands.run("train", resume)
    assert (code, "COMPLETED" in output) == (2, True)


def test_a_run_that_is_older_than_a_key_goes_on_and_takes_its_default(commands, tmp_path):
    commands.run("train", "model=transformer", "data.behaviour=disk_full")
    run = only_run(tmp_path)
    older = {**run.config, "evaluation": {key: value for key, value in run.config["evaluation"].items() if key != "beyond"}}
    write_yaml(run.path / "config.yaml", older)
    identity = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**identity, "hash": config_hash(older)}))
    (tmp_path / "outputs" / "mended").touch()
    code, output = commands.run("train", f"resume={run.path}", "trainer.threads=2")
    assert code == 0, output
    (run,) = find_runs(tmp_path / "outputs", "default")
    assert run.config == {**older, "trainer": {**older["trainer"], "threads": 2}}


@pytest.mark.slow
def test_multirun_runs_all_jobs_in_one_process_and_one_failure_stops_no_other(commands, tmp_path):
    code, output = commands.run("train", "seed=0,1,2", "-m", "model=hrm,transformer", "data.behaviour=crash", "data.fails_for_seed=1")
    runs = find_runs(tmp_path / "outputs", "default")
    assert code == 1
    assert [run.state for run in runs] == ["completed", "failed", "completed"] * 2
    assert len({json.loads((run.path / "launches.jsonl").read_text().splitlines()[0])["process"] for run in runs}) == 1
    assert "2 jobs failed" in output.splitlines()[-1]
    assert files_outside_runs(tmp_path) == []


@pytest.mark.slow
def test_a_sweep_file_with_every_choice_made_is_one_run(commands, tmp_path):
    code, output = commands.run("train", "sweeps=grid", "model=transformer", "seed=2")
    assert code == 0, output
    assert only_run(tmp_path, "grid").labels.seed == 2
    code, output = commands.run("train", "sweeps=grid", "seed=3")
    assert code == 0, output
    assert [(run.labels.arm, run.labels.seed) for run in find_runs(tmp_path / "outputs", "grid")] == [
        ("hrm", 3),
        ("transformer", 2),
        ("transformer", 3),
    ]


def test_questions_to_hydra_are_answered_and_make_nothing(commands, tmp_path):
    code, output = commands.run("train", "--cfg", "job", "seed=5")
    assert code == 0
    assert "\nseed: 5\n" in output
    code, output = commands.run("train", "--info", "searchpath")
    assert code == 0
    assert output.count("hrmlab") >= 1
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_written_is_said(commands, tmp_path):
    (tmp_path / "taken").write_text("a file")
    code, output = commands.run("train", "output_root=taken")
    assert (code, output.count("\n")) == (2, 1)
    assert "output_root" in output
    shutil.rmtree(tmp_path / "outputs", ignore_errors=True)
