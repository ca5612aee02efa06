"""Run directories: exclusive, atomic, locked, and honest about their state."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.runs import files
from hrmlab.runs.directory import RunDirectory, RunLabels, config_hash
from hrmlab.runs.finding import find_runs, runs_of, scan_runs, studies

LABELS = RunLabels(study="quick", task="sudoku_4x4", arm="hrm", size="nano", seed=3)
CONFIG = {"seed": 3, "training": {"steps": 10}, "trainer": {"name": "cpu", "threads": 1, "progress_bar": True}, "logger": {"name": "csv"}}


def create(root: Path, config: dict | None = None) -> RunDirectory:
    return RunDirectory.create(output_root=root, labels=LABELS, config=config or CONFIG, overrides=["model=hrm", "seed=3"])


def test_layout_and_content(tmp_path: Path) -> None:
    run = create(tmp_path)
    assert run.path == tmp_path / "quick" / "sudoku_4x4" / "hrm" / "nano" / "seed=3" / config_hash(CONFIG)
    again = RunDirectory.open(run.path)
    assert (again.labels, again.hash, again.config, again.overrides) == (LABELS, run.hash, CONFIG, ["model=hrm", "seed=3"])
    assert again.created.endswith("+00:00")
    assert again.checkpoints.is_dir()
    assert again.state == "interrupted"
    assert studies(tmp_path) == ["quick"]


def test_the_hash_ignores_what_cannot_change_the_outcome() -> None:
    same = {
        **CONFIG,
        "output_root": "elsewhere",
        "resume": "x",
        "logger": {"name": "wandb"},
        "trainer": {"name": "cpu", "threads": 8},
        "question": "?",
        "limits": "Nothing is said of large models.",
        "asks": ["hrm-transformer"],
        "margin": 3.0,
        "tuning": {"file": "tuned.yaml"},
    }
    assert config_hash(same) == config_hash(CONFIG)
    assert config_hash({**CONFIG, "seed": 4}) != config_hash(CONFIG)
    assert config_hash(dict(reversed(CONFIG.items()))) == config_hash(CONFIG)
    assert same["output_root"] == "elsewhere"  # the configuration itself is untouched
    assert len(config_hash(CONFIG)) == 8


def test_launches_in_the_same_moment_never_share_a_directory(tmp_path: Path) -> None:
    made: list[RunDirectory] = []
    threads = [threading.Thread(target=lambda: made.append(create(tmp_path))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {run.path.name for run in made}
    hash = config_hash(CONFIG)
    assert names == {hash, *(f"{hash}-{number}" for number in range(2, 13))}
    assert [run.path.name for run in runs_of(tmp_path, LABELS, hash)] == [hash, *(f"{hash}-{number}" for number in range(2, 13))]
    assert not list(made[0].path.parent.glob(".creating-*"))


def test_runs_of_takes_no_other_configuration(tmp_path: Path) -> None:
    run, other = create(tmp_path), create(tmp_path, {**CONFIG, "training": {"steps": 20}})
    assert [found.path for found in runs_of(tmp_path, LABELS, run.hash)] == [run.path]
    assert {found.path for found in find_runs(tmp_path, "quick")} == {run.path, other.path}
    assert find_runs(tmp_path, "other") == []
    assert runs_of(tmp_path / "nowhere", LABELS, run.hash) == []


def test_states_follow_the_life_of_a_run(tmp_path: Path) -> None:
    run = create(tmp_path)
    with run.locked():
        assert RunDirectory.open(run.path).state == "running"
    assert run.state == "interrupted"
    run.fail(error="loss is NaN", hint="lower the learning rate", step=7, last_checkpoint=None)
    assert run.state == "failed"
    assert run.failure["error"] == "loss is NaN"
    with run.locked():  # a new attempt
        assert run.state == "running"
        run.complete({"test": {"exact_accuracy": 0.5}})
    assert run.state == "completed"
    assert run.completed
    assert run.read_json("summary.json") == {"test": {"exact_accuracy": 0.5}}
    assert not (run.path / "FAILED").exists()


def test_completed_is_written_last_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, order = create(tmp_path), []
    write = files.write_bytes
    monkeypatch.setattr(files, "write_bytes", lambda path, content: (order.append(path.name), write(path, content))[1])
    run.complete({"test": {}})
    assert order == ["summary.json", "COMPLETED"]


def test_a_lock_is_exclusive_and_a_look_at_the_state_does_not_break_it(tmp_path: Path) -> None:
    run = create(tmp_path)
    with run.locked(), pytest.raises(UserError, match="in use by another process"), RunDirectory.open(run.path).locked():
        pass
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            _ = run.state

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for _ in range(20):
            with run.locked():
                pass
    finally:
        stop.set()
        watcher.join()


def test_the_kernel_frees_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    run = create(tmp_path)
    program = f"""
import time
from hrmlab.runs.directory import RunDirectory
with RunDirectory.open({str(run.path)!r}).locked():
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert run.state == "running"
        os.kill(process.pid, signal.SIGKILL)
    assert run.state == "interrupted"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: (path / "run.json").unlink(), "has no run.json"),
        (lambda path: (path / "run.json").write_text("{"), "cannot be read as JSON"),
        (lambda path: (path / "run.json").write_text("[]"), "does not hold a JSON object"),
        (lambda path: (path / "run.json").write_text('{"labels": {"study": "x"}}'), "does not name study"),
        (lambda path: (path / "config.yaml").unlink(), "has no config.yaml"),
    ],
)
def test_a_damaged_directory_is_told_in_a_sentence_and_listed(tmp_path: Path, damage, words: str) -> None:
    sound, run = create(tmp_path), create(tmp_path)
    damage(run.path)
    with pytest.raises(UserError, match=words):
        RunDirectory.open(run.path)
    runs, unreadable = scan_runs(tmp_path, "quick")
    assert [found.path for found in runs] == [sound.path]
    assert [item.path for item in unreadable] == [run.path]
    assert words in unreadable[0].reason


def test_a_broken_configuration_is_a_user_error(tmp_path: Path) -> None:
    run = create(tmp_path)
    (run.path / "config.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"config\.yaml cannot be read as YAML"):
        _ = RunDirectory.open(run.path).config
    (run.path / "config.yaml").write_text("- a")
    with pytest.raises(UserError, match="does not hold a configuration"):
        _ = RunDirectory.open(run.path).config


def test_no_such_folder() -> None:
    with pytest.raises(UserError, match="no such folder"):
        RunDirectory.open("no/such/folder")


def test_an_output_root_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="output_root="):
        create(tmp_path / "file")


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", "a b", "é"])
def test_labels_must_name_a_folder(name: str) -> None:
    with pytest.raises(UserError, match="cannot name a folder"):
        RunLabels(study=name, task="t", arm="a", size="s", seed=0)


def test_atomic_writing_leaves_the_old_content_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "value.json"
    files.write_json(path, {"a": float("nan"), "b": Path("x")})
    assert files.read_json(path) == {"a": None, "b": "x"}

    def refuse(self: Path, target: Path) -> None:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        files.write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": None, "b": "x"}
    assert os.listdir(tmp_path) == ["value.json"]  # noqa: PTH208


def test_runs_import_no_torch() -> None:
    program = "import sys, hrmlab.runs.directory, hrmlab.runs.metrics, hrmlab.runs.provenance; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
