import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.cache import cached

HERE = {"version": 1, "side": 4}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HRMLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def build_once(calls: list[int]):
    def build():
        calls.append(1)
        return {"values": np.arange(100), "names": np.array(["a", "bc"])}

    return build


def test_built_once_and_read_after(folder):
    calls = []
    for _ in range(3):
        arrays = cached("test", HERE, build_once(calls))
        assert arrays.keys() == {"values", "names"}
        assert arrays["values"].tolist() == list(range(100))
    assert len(calls) == 1
    cached("test", HERE | {"side": 6}, build_once(calls))
    assert len(calls) == 2
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".lock", ".npz", ".npz"]


@pytest.mark.parametrize("damage", ["truncate", "garbage", "empty", "flip", "other"])
def test_damaged_file_is_built_again(folder, damage):
    calls = []
    cached("test", HERE, build_once(calls))
    (path,) = folder.glob("*.npz")
    content = path.read_bytes()
    if damage == "other":
        cached("test", HERE | {"side": 6}, build_once([]))
        content = next(other for other in folder.glob("*.npz") if other != path).read_bytes()
    middle = content.index(b"values.npy") + 60
    damaged = {
        "truncate": content[:-30],
        "garbage": b"not an archive",
        "empty": b"",
        "flip": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
        "other": content,
    }
    path.write_bytes(damaged[damage])
    assert cached("test", HERE, build_once(calls))["values"].tolist() == list(range(100))
    assert len(calls) == 2
    assert cached("test", HERE, build_once(calls))["values"].tolist() == list(range(100))
    assert len(calls) == 2


def test_a_crash_while_building_or_writing_leaves_nothing(folder, monkeypatch):
    def fail():
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        cached("test", HERE, fail)
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", lambda file, **arrays: (file.write(b"half"), fail()))
        with pytest.raises(RuntimeError, match="crash"):
            cached("test", HERE, build_once([]))
    assert [path.suffix for path in folder.iterdir()] == [".lock"]
    assert len(cached("test", HERE, build_once([]))["values"]) == 100


def test_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HRMLAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="set HRMLAB_CACHE to a folder that can"):
        cached("test", HERE, build_once([]))


PROCESS = """
import pathlib, sys, time
import numpy as np
from hrmlab.data.cache import cached

folder = pathlib.Path(sys.argv[1])

def build():
    (folder / f"built_by_{sys.argv[2]}").touch()
    time.sleep(0.5)
    return {"values": np.arange(5)}

(folder / f"ready_{sys.argv[2]}").touch()
while len(list(folder.glob("ready_*"))) < 3:
    time.sleep(0.01)
assert cached("test", {"a": 1}, build)["values"].tolist() == [0, 1, 2, 3, 4]
"""


def test_processes_that_want_the_same_set_build_it_once(tmp_path):
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), str(number)]) for number in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert len(list(tmp_path.glob("built_by_*"))) == 1
