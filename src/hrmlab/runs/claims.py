"""Exclusive holds for folders whose file system has no locks: numbered files, each of which exactly one process can have made.

Whoever made the file with the highest number holds what the folder stands for. The next number is made (``O_EXCL``, exact on every file
system in use) by a holder that lets go, and by whoever takes over from a dead one; since numbers only grow, of any two who try one fails.

A holder writes a count into its file every few seconds. Whether it is dead is asked of the system where it runs on this machine; of one on
another machine, dead is whose count has not changed for two minutes of *our own* monotonic clock: no two machines' clocks are compared.
A holder that finds a number above its own, or could not write for a minute, has lost what it held, and must not go on.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

BEAT = 5.0
"""Seconds between two counts of a holder."""
STALE = 120.0
"""Seconds without a new count after which a holder on another machine is dead; more than a network file system caches a file."""
_KEPT = 8
"""So many of the latest numbers stay, for whoever still acts upon what it saw a moment ago."""


class Claim:
    """A folder of numbers held by this process; see :func:`take`.

    Attributes:
        inherited: from a holder that died, not from one that let go.
    """

    def __init__(self, folder: Path, number: int, *, inherited: bool, lost: Callable[[], None] | None) -> None:
        self.inherited = inherited
        self._folder, self._number, self._path = folder, number, _file(folder, number)
        self._lost, self._ended = lost, threading.Event()
        threading.Thread(target=self._beat, name=f"holds {folder}", daemon=True).start()

    def mine(self) -> bool:
        """Whether nobody has taken over."""
        return not self._ended.is_set() and _top(self._folder) == self._number

    def release(self) -> None:
        """Let go; nothing where it was lost before."""
        self._ended.set()
        with contextlib.suppress(OSError):
            if _top(self._folder) == self._number:
                _make(self._folder, self._number + 1, {"free": True})

    def _beat(self) -> None:
        beats, written = 0, time.monotonic()
        while not self._ended.wait(BEAT):
            try:
                beats += 1
                with self._path.open("r+", encoding="utf-8") as file:
                    file.write(_record(beats))
                written = time.monotonic()
                taken = _top(self._folder) != self._number
            except OSError:
                taken = time.monotonic() - written > STALE / 2
            if taken and not self._ended.is_set():
                self._ended.set()
                if self._lost is not None:
                    self._lost()


def take(folder: Path, *, lost: Callable[[], None] | None = None) -> Claim | None:
    """Hold what a folder stands for; None where another holder lives, or may live.

    Args:
        folder: made here; its parent is there.
        lost: called, in a thread of its own, when somebody has taken over all the same (this process was stopped for minutes).
    """
    folder.mkdir(exist_ok=True)
    top = _top(folder)
    record = _read(_file(folder, top)) if top else _FREE
    if top and not _is_over(_file(folder, top), record):
        return None
    number = top + 1
    if not _make(folder, number, _identity()):
        return None
    if _top(folder) != number:  # what we saw at first was old: others have gone on since, and their numbers have been removed
        _file(folder, number).unlink(missing_ok=True)
        return None
    for old in _numbers(folder):
        if old <= number - _KEPT:
            _file(folder, old).unlink(missing_ok=True)
    return Claim(folder, number, inherited=bool(top) and not record.free, lost=lost)


def is_held(folder: Path) -> bool:
    """Whether somebody holds what a folder stands for, or may: see :func:`is_undecided`."""
    top = _top(folder)
    return bool(top) and not _is_over(_file(folder, top), _read(_file(folder, top)))


def is_undecided(folder: Path) -> bool:
    """Whether somebody on another machine holds it of whom we do not know yet if it lives: look again within :data:`STALE` seconds."""
    if not is_held(folder):
        return False
    path = _file(folder, _top(folder))
    return _read(path).kernel != (_kernel() or None) and not (path in _seen and _seen[path].lives)


# -------------------------------------------------------------------- details


@dataclass(frozen=True)
class _Record:
    """What a number says; of one that is half written, nothing."""

    text: str = ""
    free: bool = False
    kernel: str = ""
    process: int = 0
    start: str = ""


@dataclass(frozen=True)
class _Seen:
    text: str
    since: float
    lives: bool


_FREE = _Record(free=True)
_seen: dict[Path, _Seen] = {}
"""What this process last saw of holders on other machines, since when, and whether it ever saw that change."""


def _is_over(path: Path, record: _Record) -> bool:
    if record.free:
        return True
    if record.kernel == _kernel() != "":
        return _start_of(record.process) != record.start
    before, now = _seen.get(path), time.monotonic()
    if before is None or before.text != record.text:
        _seen[path] = _Seen(record.text, now, lives=before is not None)
        return False
    return now - before.since > STALE


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}"


def _numbers(folder: Path) -> list[int]:
    try:
        return [int(name) for name in os.listdir(folder) if name.isdigit()]  # noqa: PTH208  (names alone)
    except FileNotFoundError:
        return []


def _top(folder: Path) -> int:
    return max(_numbers(folder), default=0)


def _make(folder: Path, number: int, content: dict[str, Any]) -> bool:
    """Make a number; False where it is there already."""
    try:
        descriptor = os.open(_file(folder, number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, json.dumps(content).encode())
    finally:
        os.close(descriptor)
    return True


def _read(path: Path) -> _Record:
    text = ""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        text = path.read_text(encoding="utf-8")
        values = json.loads(text)
        return _Record(text, values.get("free") is True, values.get("kernel", ""), int(values.get("process", 0)), values.get("start", ""))
    return _Record(text)


def _identity(beats: int = 0) -> dict[str, Any]:
    own = os.getpid()
    return {"machine": socket.gethostname(), "kernel": _kernel(), "process": own, "start": _start_of(own), "beats": f"{beats:012d}"}


def _record(beats: int) -> str:
    """As long as the one before, so that it can be written over it."""
    return json.dumps(_identity(beats))


@lru_cache
def _kernel() -> str:
    """The running system and its numbering of processes; empty where the two cannot be told (then all holders are of another machine)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115  (no path)
    except OSError:
        return ""


def _start_of(process: int) -> str:
    """When a process of this machine started, in ticks since the boot; empty where there is none, or a dead one that nobody waited for."""
    try:
        words = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[0] in "ZX" else words[19]
