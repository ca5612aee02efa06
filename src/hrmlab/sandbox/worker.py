"""One zygote as its parent sees it: started, fed, read, ended; never waited for."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hrmlab.sandbox.inside.zygote import HEADER
from hrmlab.sandbox.launch import Launch
from hrmlab.sandbox.samples import Sample

_START_SECONDS = 30.0
_GRACE_SECONDS = 3.0
_MOST_INCOMING = 1 << 20


class StartFailed(RuntimeError):  # noqa: N818 - reads as what it is
    """A zygote did not come up: one sentence."""


class Worker:
    """A zygote process and the sample that it has in hand.

    Args:
        launch: how to start it.
        timeout: seconds of wall-clock time per sample that has no limit of its own.

    Attributes:
        limit: seconds for the sample in hand.
    """

    def __init__(self, launch: Launch, timeout: float) -> None:
        self._launch, self._timeout = launch, timeout
        self.limit = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._first_process: int | None = None
        self._outgoing = memoryview(b"")
        self._incoming = bytearray()
        self._ready = False
        self.input = self.output = -1
        self.job: tuple[int, Sample] | None = None
        self.attempts = 0
        self.deadline = 0.0
        self.verdict: str | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def ready(self) -> bool:
        """Whether the zygote has reported."""
        return self._ready

    @property
    def writing(self) -> bool:
        """Whether part of a sample is still to be written."""
        return bool(self._outgoing)

    def set_timeout(self, timeout: float) -> None:
        """Seconds for the samples to come."""
        self._timeout = timeout

    def start(self) -> None:
        """Start the process; it reports later.

        Raises:
            StartFailed: it cannot even be started.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        report, reports = os.pipe()
        wait, go = os.pipe()
        command, passed = list(self._launch.command), []
        if self._launch.namespaces:
            command += ["--info-fd", str(reports)]
            passed.append(reports)
            if self._launch.identities is not None:
                command += ["--userns-block-fd", str(wait)]
                passed.append(wait)
        try:
            self._process = subprocess.Popen(
                [*command, *self._launch.tail],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=self._launch.environment,
                cwd="/",
                pass_fds=passed,
                start_new_session=True,  # Ctrl-C is for us
                bufsize=0,
            )
            os.close(reports)
            reports = -1
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self.input, self.output = self._process.stdin.fileno(), self._process.stdout.fileno()
            os.set_blocking(self.input, False)
            os.set_blocking(self.output, False)
            if self._launch.namespaces:
                self._first_process = _first_process(report)
            if self._launch.identities is not None:
                for name in ("uid_map", "gid_map"):
                    Path(f"/proc/{self._first_process}/{name}").write_text(self._launch.identities)
                os.write(go, b"x")
        except (OSError, ValueError) as error:
            raise StartFailed(self._why(str(error))) from None
        finally:
            for descriptor in (report, reports, wait, go):
                if descriptor >= 0:
                    os.close(descriptor)
        self._incoming.clear()
        self._outgoing = memoryview(b"")
        self._ready = False
        self.deadline = time.monotonic() + _START_SECONDS

    def give(self, job: tuple[int, Sample]) -> None:
        """Take a sample in hand."""
        _, sample = job
        program = json.dumps({"program": sample.prompt + sample.completion + "\n", "entry_point": sample.entry_point}).encode()
        tests = json.dumps({"prompt": sample.prompt, "test": sample.test, "entry_point": sample.entry_point}).encode()
        self.job, self.verdict = job, None
        self.limit = self._timeout if sample.timeout is None else sample.timeout
        self._outgoing = memoryview(HEADER.pack(len(program), len(tests), self.limit) + program + tests)
        if self._ready:
            self.deadline = time.monotonic() + self.limit + _GRACE_SECONDS
        self.write()

    def write(self) -> None:
        """Write what the pipe takes."""
        with contextlib.suppress(BlockingIOError):
            try:
                while self._outgoing:
                    self._outgoing = self._outgoing[os.write(self.input, self._outgoing) :]
            except BrokenPipeError:  # what it says before its end is still to be read
                self._outgoing = memoryview(b"")

    def read(self) -> Iterator[dict[str, Any]]:
        """The messages that have arrived.

        Raises:
            EOFError: the process has ended.
            StartFailed: it could not set itself up.
        """
        ended = False
        with contextlib.suppress(BlockingIOError):
            while len(self._incoming) < _MOST_INCOMING:
                part = os.read(self.output, 1 << 16)
                if not part:
                    ended = True
                    break
                self._incoming += part
        while len(self._incoming) >= 4:
            length = int.from_bytes(self._incoming[:4], "big")
            if len(self._incoming) < 4 + length:
                break
            message = json.loads(bytes(self._incoming[4 : 4 + length]))
            del self._incoming[: 4 + length]
            if "error" in message:
                raise StartFailed(message["error"])
            if "ready" in message:
                self._ready = True
                self.deadline = time.monotonic() + self.limit + _GRACE_SECONDS
            elif "result" in message:
                self.verdict = str(message["result"])
            else:
                yield message
        if ended:
            if not self._ready:
                raise StartFailed(self._why("the process ended at once"))
            raise EOFError

    def stop(self) -> None:
        """End the process and all that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._first_process is not None and process.poll() is None:  # as long as bwrap lives, the number is its child's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._first_process, signal.SIGKILL)  # and with it its whole namespace
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None:
                stream.close()
        self._first_process = None

    def _why(self, otherwise: str) -> str:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        self._errors.seek(0)
        lines = self._errors.read()[-2_000:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else otherwise


def _first_process(report: int) -> int:
    data = b""
    while part := os.read(report, 4096):
        data += part
        with contextlib.suppress(ValueError):
            return int(json.loads(data)["child-pid"])
    raise ValueError("bwrap has not said which process it made")
