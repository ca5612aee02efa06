"""Holding a file where the kernel has locks, where it has none, and where its locks are this machine's alone."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hrmlab.core.errors import Unfinished, UserError
from hrmlab.runs import claims, directory, files, locks
from hrmlab.runs.directory import RunDirectory, RunLabels

LABELS = RunLabels(study="quick", task="sudoku_4x4", arm="hrm", size="nano", seed=0)


@pytest.fixture(params=[errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that refuses every flock."""

    def refuse(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(claims, "BEAT", 0.05)
    monkeypatch.setattr(directory, "_LOCK_PATIENCE", 0.02)
    monkeypatch.setattr(locks, "_said", set())


@pytest.fixture
def elsewhere(no_locks: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The claims of a file whose holder is on another machine, whose clock is years ahead."""
    monkeypatch.setattr(claims, "STALE", 0.4)
    folder = tmp_path / ".run.lock.claims"
    with monkeypatch.context() as other:
        other.setattr(claims, "_kernel", lambda: "another machine")
        other.setattr(claims.threading.Thread, "start", lambda self: None)  # it has died: no count follows
        assert claims.take(folder) is not None
    os.utime(folder / "00000001", (4e9, 4e9))
    return folder


def create(folder: Path) -> RunDirectory:
    return RunDirectory.create(output_root=folder, labels=LABELS, config={"seed": 0}, overrides=[])


def test_without_locks_a_run_is_held_by_one_and_free_afterwards(no_locks: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create(tmp_path)
    other = RunDirectory.open(run.path)
    assert (run.state, other.undecided) == ("interrupted", False)
    for _ in range(6):
        with run.locked():
            assert other.state == "running"
            with pytest.raises(UserError, match="in use by another process"), other.locked():
                pass
        assert other.state == "interrupted"
    assert len(list((run.path / ".run.lock.claims").iterdir())) <= claims._KEPT + 2
    with run.locked():
        run.complete({"test": {}})
    assert (run.state, run.verify()) == ("completed", [])
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "has no locks that all machines know of" in told[0]


def test_of_many_who_try_at_once_one_holds(no_locks: None, tmp_path: Path) -> None:
    inside, most, done = [0], [0], [0]
    count = threading.Lock()

    def work() -> None:
        for _ in range(10):
            while (claim := claims.take(tmp_path / "claims")) is None:
                time.sleep(0.001)
            with count:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                done[0] += 1
            time.sleep(0.001)
            with count:
                inside[0] -= 1
            claim.release()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (most, done) == ([1], [60])


def test_a_killed_holder_of_this_machine_is_found_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(locks.CHOICE, "files")
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
        assert (run.state, run.undecided) == ("running", False)
        os.kill(process.pid, signal.SIGKILL)
    assert run.state == "interrupted"
    with run.locked():
        assert run.state == "running"


def test_a_dead_holder_of_another_machine_is_found_when_its_count_stands_still(elsewhere: Path, tmp_path: Path) -> None:
    with (tmp_path / "run.lock").open("a") as file:
        assert locks.try_hold(file) is None
        assert locks.is_undecided(tmp_path / "run.lock")
        time.sleep(0.5)
        assert not locks.is_held(tmp_path / "run.lock")
        hold = locks.try_hold(file)
        assert hold is not None
        assert hold.inherited
        hold.release()


def test_a_living_holder_of_another_machine_is_left_alone_however_its_clock_goes(elsewhere: Path, tmp_path: Path) -> None:
    path, lock = elsewhere / "00000001", tmp_path / "run.lock"
    lock.touch()
    record = json.loads(path.read_text())
    until, beats = time.monotonic() + 1.0, 0
    while time.monotonic() < until:
        beats += 1
        path.write_text(json.dumps({**record, "beats": f"{beats:012d}"}))
        os.utime(path, (0, 0))  # its clock says 1970
        assert locks.is_held(lock)
        time.sleep(0.1)
    assert not locks.is_undecided(lock)


def test_a_holder_that_was_overtaken_knows_and_completes_nothing(no_locks: None, tmp_path: Path) -> None:
    lost = threading.Event()
    claim = claims.take(tmp_path / "claims", lost=lost.set)
    assert claim is not None
    assert claim.mine()
    claims._make(tmp_path / "claims", 2, {"kernel": "another machine"})
    assert not claim.mine()
    assert lost.wait(5)
    claim.release()
    assert sorted(path.name for path in (tmp_path / "claims").iterdir()) == ["00000001", "00000002"]
    run = create(tmp_path)
    with run.locked():
        assert run._hold is not None
        run._hold.mine = lambda: False
        with pytest.raises(Unfinished, match="taken over"):
            run.complete({"test": {}})
    assert run.state == "interrupted"


def test_who_acts_on_what_it_saw_long_ago_holds_nothing(no_locks: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "claims"
    for _ in range(claims._KEPT + 2):
        claim = claims.take(folder)
        assert claim is not None
        claim.release()
    top = claims._top
    seen = iter([2])
    monkeypatch.setattr(claims, "_top", lambda asked: next(seen, None) or top(asked))
    assert not (folder / "00000003").exists()
    assert claims.take(folder) is None
    assert not (folder / "00000003").exists()


def test_drafts_of_other_machines_stay(tmp_path: Path) -> None:
    own, other = tmp_path / f".creating-{locks.machine()}-1", tmp_path / ".creating-00000000-1"
    own.mkdir()
    other.mkdir()
    files.remove_leftovers(tmp_path, drafts=".creating-")
    assert (own.exists(), other.exists()) == (False, True)


def test_without_locks_drafts_stay(no_locks: None, tmp_path: Path) -> None:
    with files.drafting(tmp_path, ".creating-") as draft:
        files.remove_leftovers(tmp_path, drafts=".creating-")
        assert draft.exists()
    assert not draft.exists()


@pytest.mark.parametrize(
    ("system", "local"),
    [
        ("nfs4 server:/home rw,vers=4.2,local_lock=none", False),
        ("nfs server:/home rw,vers=3,nolock,local_lock=all", True),
        ("nfs server:/home rw,local_lock=flock", True),
        ("lustre server:/scratch rw,localflock", True),
        ("ext4 /dev/sda1 rw", False),
    ],
)
def test_locks_that_other_machines_do_not_see_are_not_relied_on(
    system: str, local: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"30 1 0:999999 / / rw - tmpfs tmpfs rw\n31 1 {os.major(device)}:{os.minor(device)} / /home rw - {system}\n")
    monkeypatch.setattr(locks, "_MOUNTS", mounts)
    locks._is_local_only.cache_clear()
    try:
        with (tmp_path / "x.lock").open("a") as file:
            hold = locks.try_hold(file)
            assert hold is not None
            assert hold.by_files == local
            hold.release()
    finally:
        locks._is_local_only.cache_clear()
