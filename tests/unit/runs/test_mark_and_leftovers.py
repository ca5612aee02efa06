"""What a run directory is not believed, and what the killed leave behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.runs import files
from hrmlab.runs.directory import RunDirectory, RunLabels
from hrmlab.runs.finding import tidy_study
from hrmlab.runs.metrics import HEADER, MetricsWriter

LABELS = RunLabels(study="quick", task="t", arm="hrm", size="nano", seed=0)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(output_root=tmp_path, labels=LABELS, config={"seed": 0}, overrides=[])


@pytest.fixture
def completed(run: RunDirectory) -> RunDirectory:
    run.metrics_file.write_text(HEADER)
    files.write_json(run.path / "budget.json", {"parameters": 3})
    (run.path / "generations").mkdir()
    (run.path / "generations" / "test.jsonl.gz").write_bytes(b"x")
    run.complete({"test": {"exact_accuracy": 0.5}})
    return run


def test_a_completed_run_agrees_with_its_mark_also_after_an_evaluation(completed: RunDirectory) -> None:
    (completed.path / "evaluations" / "mine").mkdir(parents=True)
    (completed.path / "evaluations" / "mine" / "result.json").write_text("{}")
    (completed.checkpoints / "last.ckpt").write_bytes(b"x")
    assert completed.verify() == []
    assert completed.completed.endswith("+00:00")


def test_every_record_that_does_not_agree_gets_a_sentence(completed: RunDirectory) -> None:
    (completed.path / "summary.json").write_text('{"test": {"exact_accuracy": 7}}')
    (completed.path / "generations" / "test.jsonl.gz").unlink()
    (completed.path / "audit.json").write_text("{}")
    assert completed.verify() == [
        "generations/test.jsonl.gz is missing since the run was completed",
        "summary.json was changed after the run was completed",
        "audit.json was added after the run was completed",
    ]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b"[]", b'{"time": "never", "files": {}}', b'{"files": {}}', b"yesterday"])
def test_a_mark_that_is_none_completes_nothing(completed: RunDirectory, content: bytes) -> None:
    (completed.path / "COMPLETED").write_bytes(content)
    assert (completed.state, completed.completed) == ("interrupted", "")
    assert completed.doubt.startswith("COMPLETED ")
    assert completed.verify() == [completed.doubt]


def test_a_mark_without_a_summary_completes_nothing_until_it_is_made_again(completed: RunDirectory) -> None:
    (completed.path / "summary.json").unlink()
    assert completed.state == "interrupted"
    assert completed.doubt == "COMPLETED stands without summary.json"
    completed.complete({"test": {}})
    assert (completed.state, completed.doubt, completed.verify()) == ("completed", "", [])


def test_marks_of_earlier_versions_count(completed: RunDirectory) -> None:
    (completed.path / "COMPLETED").write_text("2026-01-02T03:04:05.000006+00:00\n")
    assert (completed.state, completed.completed) == ("completed", "2026-01-02T03:04:05.000006+00:00")
    assert completed.verify() == []


def test_bytes_in_a_record_are_told_in_a_sentence(run: RunDirectory) -> None:
    for name, read in (("audit.json", files.read_json), ("x.yaml", files.read_yaml)):
        (run.path / name).write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UserError, match="cannot be read as"):
            read(run.path / name)
    (run.path / "FAILED").write_bytes(b"\xff")
    assert "cannot be read as JSON" in run.failure["error"]


def test_junk_in_the_metrics_is_dropped_and_counted(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    run.metrics_file.write_bytes(HEADER.encode() + b"1,0.0,a,1.0\nhello\n\xff\xfe,\x00,\n1,x,a,2\n2,0.0,a,nan\n3,0.0,a,1.")
    with MetricsWriter(run.metrics_file) as writer:
        writer.truncate_after(2)
    assert run.metrics_file.read_text() == HEADER + "1,0.0,a,1.0\n2,0.0,a,nan\n"
    assert "3 lines that are no rows were dropped" in capsys.readouterr().err


def killed_while(program: str) -> None:
    """Run a program until it says so, and kill it."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)


def test_what_a_killed_writer_left_goes_with_the_next_lock(run: RunDirectory) -> None:
    killed_while(
        "import time; from pathlib import Path; from hrmlab.runs.files import replacing\n"
        f"with replacing(Path({str(run.path / 'audit.json')!r})) as path:\n"
        "    path.write_text('half'); print('here', flush=True); time.sleep(60)"
    )
    assert list(run.path.glob(".audit.json.*.tmp"))
    with run.locked():
        assert not list(run.path.glob(".*.tmp"))
        (run.path / ".mine.json.1.tmp").touch()
        RunDirectory.open(run.path).tidy()  # somebody else: the run is held, so nothing is touched
        assert (run.path / ".mine.json.1.tmp").exists()


def test_the_draft_of_a_killed_launch_goes_and_that_of_a_living_one_stays(run: RunDirectory, tmp_path: Path) -> None:
    parent = run.path.parent
    killed_while(
        "import time; from pathlib import Path; from hrmlab.runs.files import drafting\n"
        f"with drafting(Path({str(parent)!r}), '.creating-') as draft:\n"
        "    (draft / 'run.json').touch(); print('here', flush=True); time.sleep(60)"
    )
    (dead,) = parent.glob(".creating-*")
    with files.drafting(parent, ".creating-") as living:
        tidy_study(tmp_path, "quick")
        assert not dead.exists()
        assert living.exists()
    assert [path.name for path in parent.iterdir()] == [run.path.name]
