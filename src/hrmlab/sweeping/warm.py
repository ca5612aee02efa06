"""Jobs forked by a process that has imported everything (:mod:`hrmlab.cli.warm`), as hrm-sweep sees it.

For jobs of one process on the CPU, on Linux. Whatever goes wrong with it, the job is started as a fresh process instead.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

from hrmlab.core.notices import notice

LARGEST_REQUEST = 1 << 17
"""Bytes of the words and the environment of a job."""
_PATIENCE = 120.0
"""Seconds in which the imports are done, on however busy a machine."""
_PR_SET_CHILD_SUBREAPER = 36


class ForkedJob:
    """A job's process, with what a :class:`subprocess.Popen` can do that hrm-sweep needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code (of a signal: negative), None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("hrm-train", timeout or 0.0)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class WarmProcess:
    """Starts jobs by forking; use as a context.

    Args:
        environment: of the jobs: libraries read their numbers of threads from it when they are imported.
        lock: descriptor of the study's lock, which jobs inherit.
    """

    def __init__(self, environment: Mapping[str, str], *, lock: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hrmlab.cli.warm", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=(lock, theirs.fileno()),
                start_new_session=True,
            )
        self._socket = ours
        self._socket.settimeout(_PATIENCE)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> ForkedJob | None:
        """Start ``hrm-train`` with these words; None where that cannot be done, and nothing has been started then."""
        request = json.dumps({"arguments": list(arguments), "environment": dict(environment), "folder": str(Path.cwd())}).encode()
        if len(request) > LARGEST_REQUEST:
            return None
        reader, writer = os.pipe()
        try:
            socket.send_fds(self._socket, [request], [log.fileno(), reader])
            answer = self._socket.recv(32)
            if not answer:
                return None
            os.write(writer, b"!")  # the job waits for this: one that we do not know of must not run
            return ForkedJob(int(answer))
        except OSError:
            return None
        finally:
            os.close(reader)
            os.close(writer)

    @property
    def pid(self) -> int:
        """Of the process that forks."""
        return self._process.pid

    def close(self) -> None:
        """End the process; jobs under way go on."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


class Starter:
    """Starts jobs from warm processes, one for each number of threads; use as a context.

    Args:
        worth_it: whether there are enough jobs to be worth a process of its own.
        lock: descriptor of the study's lock, which jobs inherit.
    """

    def __init__(self, *, worth_it: bool, lock: int) -> None:
        self._worth_it, self._lock = worth_it and _become_subreaper(), lock
        self._processes: dict[int, WarmProcess] = {}

    def __enter__(self) -> "Starter":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def start(self, arguments: Sequence[str], *, threads: int, environment: Mapping[str, str], log: IO[bytes]) -> ForkedJob | None:
        """Start ``hrm-train`` with these words; None where the caller has to."""
        if not self._worth_it:
            return None
        if threads not in self._processes:
            self._processes[threads] = WarmProcess(environment, lock=self._lock)
        job = self._processes[threads].start(arguments, environment, log)
        if job is None:
            self._worth_it = False
            notice("the process that jobs are forked from has ended; jobs are started afresh from here on, which takes some seconds each")
        return job

    def bury(self, known: Collection[int]) -> None:
        """Wait for the dead that jobs left behind, which this process has inherited; ``known`` ones are waited for by others."""
        known = {*known, *(process.pid for process in self._processes.values())}
        with contextlib.suppress(OSError, ValueError):
            for task in Path("/proc/self/task").iterdir():
                for child in map(int, (task / "children").read_text().split()):
                    if child not in known and _is_dead(child):
                        os.waitpid(child, os.WNOHANG)


def _become_subreaper() -> bool:
    """Let processes whose parents end become children of this one; whether that worked."""
    return sys.platform.startswith("linux") and ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def _is_dead(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
