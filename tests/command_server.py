"""Commands without their imports: ``python -m hrmlab.cli...`` as a process forked from one that has imported everything.

Importing torch, Lightning and Hydra takes some six seconds of a core, and the tests start hundreds of commands. A server, one for each
PYTHONPATH (and HRMLAB_TEST_...) that tests ask for, imports once; what it forks then runs the module as ``python -m`` would, in a process
of its own, with its own folder, environment, arguments, streams, signals and exit code. What a test needs to know of the start of a process
itself (what it imports, what its first words cost) it finds out from a fresh one.
"""

import atexit
import contextlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn

SOURCE = Path(__file__).resolve().parents[1] / "src"
_LARGEST_REQUEST = 1 << 17
_PATIENCE = 120.0
"""Seconds in which the imports are done, on however busy a machine."""
_TRAINER = "hrmlab.workflows.train"
_RUNS = (
    _TRAINER,
    "hrmlab.workflows.evaluate",
    "hrmlab.data.sudoku.task",
    "hrmlab.data.code.synthetic.task",
    "adam_atan2_pytorch",
    "pyarrow.pandas_compat",
    "fontTools.subset",
)
_COMMANDS = (
    "hrmlab.workflows.launch",
    "hrmlab.workflows.labels",
    "hrmlab.config.composition",
    "hrmlab.config.grid",
    "hrmlab.reporting.report",
    "hrmlab.sweeping.jobs",
    "hrmlab.sweeping.launcher",
    "hrmlab.sweeping.pool",
    "hrmlab.sweeping.tuning",
)
PRELOADED = (*_COMMANDS, *_RUNS)
"""What commands, and the processes of their runs, import on their way."""


class Command:
    """A command under way, with what a :class:`subprocess.Popen` can do that the tests need."""

    def __init__(self, pid: int, status: socket.socket, output: IO[bytes], errors: IO[bytes] | None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status, self._output, self._errors = status, output, errors

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code (of a signal: negative)."""
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                said = self._status.recv(32)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("command", timeout or 0.0) from None
            assert said, "the server of commands has died"
            self.returncode = int(said)
            self._status.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it wrote on standard output and, where that was kept apart, on standard error."""
        self.wait(timeout)
        said = []
        for stream in (self._output, self._errors):
            if stream is None or stream.closed:
                said.append("")
                continue
            stream.seek(0)
            said.append(stream.read().decode())
            stream.close()
        return said[0], said[1]

    def __enter__(self) -> "Command":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self.kill()
        self.communicate()

    def __del__(self) -> None:
        for thing in (self._status, self._output, self._errors):
            if thing is not None:
                thing.close()


def start(module: str, *words: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, merged: bool = True) -> Command:
    """Start ``python -m module words...``.

    Args:
        environment: all of it; None: that of this process.
        merged: whether standard error goes where standard output goes.
    """
    asked = dict(os.environ if environment is None else environment)
    imported_with = {name: value for name, value in asked.items() if name.startswith("HRMLAB_TEST_")}
    imported_with["PYTHONPATH"] = asked.get("PYTHONPATH", str(SOURCE))
    server = _servers.get(key := frozenset(imported_with.items()))
    if server is None or not server.alive:
        server = _servers[key] = Server(imported_with)
    return server.start(module, words, cwd or Path.cwd(), asked, merged=merged)


def run(
    module: str, *words: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, timeout: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m module words...`` to its end, both streams kept apart."""
    command = start(module, *words, cwd=cwd, environment=environment, merged=False)
    try:
        output, errors = command.communicate(timeout)
    except BaseException:
        command.kill()
        raise
    assert command.returncode is not None
    return subprocess.CompletedProcess([module, *words], command.returncode, output, errors)


class Server:
    """The process that forks commands, as the tests see it."""

    def __init__(self, imported_with: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).resolve()), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **imported_with, "OMP_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
            )
        self._socket.settimeout(_PATIENCE)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, module: str, words: tuple[str, ...], cwd: Path, environment: Mapping[str, str], *, merged: bool) -> Command:
        request = {"module": module, "words": words, "folder": str(cwd), "environment": dict(environment)}
        output = tempfile.TemporaryFile()  # noqa: SIM115 - the command's, until it is asked for
        errors = None if merged else tempfile.TemporaryFile()  # noqa: SIM115
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            streams = [output.fileno(), (errors or output).fileno(), theirs.fileno()]
            socket.send_fds(self._socket, [json.dumps(request).encode()], streams)
            pid = int(self._socket.recv(32))
        return Command(pid, ours, output, errors)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


_servers: dict[frozenset[tuple[str, str]], Server] = {}


@atexit.register
def close() -> None:
    """End all servers; commands under way go on."""
    while _servers:
        _servers.popitem()[1].close()


def _serve(connection: socket.socket) -> Callable[[], None] | None:
    """Fork what is asked for until nobody can ask any more; in a forked process, return what it is to do."""
    streams: dict[int, tuple[int, int]] = {}  # descriptor of a process -> its id, where its exit code goes
    with selectors.DefaultSelector() as ready:
        ready.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not connection:
                    pid, status = streams.pop(key.fd)
                    ready.unregister(key.fd)
                    os.close(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with contextlib.suppress(OSError):  # a test that did not wait for it
                        os.write(status, str(code).encode())
                    os.close(status)
                    continue
                message, descriptors, _, _ = socket.recv_fds(connection, _LARGEST_REQUEST, 3)
                if not message:
                    return None
                output, errors, status = descriptors
                request = json.loads(message)
                _read_files(request["words"])
                pid = os.fork()
                if pid == 0:
                    ready.close()
                    connection.close()
                    for descriptor, (_, other) in streams.items():
                        os.close(descriptor)
                        os.close(other)
                    os.close(status)
                    return _become(request, output, errors)
                os.close(output)
                os.close(errors)
                watched = os.pidfd_open(pid)
                streams[watched] = (pid, status)
                ready.register(watched, selectors.EVENT_READ)
                connection.sendall(str(pid).encode())


def _read_files(words: list[str]) -> None:
    """Have the package's configuration files read here, so that the next command that chooses the same ones finds them read."""
    from hrmlab.config.composition import composer

    folders = words[words.index("--config-dir") + 1 :][:1] if "--config-dir" in words else []
    with contextlib.suppress(Exception):  # the command itself will say it
        if all(Path(folder).is_relative_to(Path(__file__).parent) for folder in folders):
            with composer(folders) as composing:
                composing.remember([word for word in words if "=" in word and not word.startswith(("resume=", "extend=", "run=", "-"))])


def _become(request: dict, output: int, errors: int) -> Callable[[], None]:
    """Turn this process into the one that the request describes."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for descriptor in {output, errors}:
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own = set(os.environ.get("PYTHONPATH", "").split(os.pathsep))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None
    module = request["module"]
    sys.argv[:] = [module, *request["words"]]
    sys.path[0] = request["folder"]  # as python -m has it; this file's folder stood there
    assert own >= set(os.environ.get("PYTHONPATH", "").split(os.pathsep)) - {""}
    sys.modules.pop(module, None)

    def command() -> None:
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    return command


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which end us
    import gc
    import importlib

    for name in _COMMANDS if _TRAINER in sys.modules else PRELOADED:  # a fake one: no torch
        importlib.import_module(name)
    from hrmlab.config.composition import composer

    with composer([]):  # Hydra looks for its plugins once
        pass
    from quick_figures import draw_quick_figures

    draw_quick_figures()
    threads = {Path(task, "comm").read_text().strip() for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())}
    assert threads <= {"jemalloc_bg_thd"}, f"threads do not survive a fork: {threads}"  # that one, of pyarrow, is started again by jemalloc
    gc.collect()
    gc.freeze()  # no collection writes to the pages that forked processes share
    if (command := _serve(connection)) is not None:
        _run_and_exit(command)


def _run_and_exit(command: Callable[[], None]) -> NoReturn:
    """Run a command and end as Python ends, without taking apart all that was imported: a forked process would copy it for that."""
    code: object = 0
    try:
        command()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    if isinstance(code, str):
        os.write(2, f"{code}\n".encode())
    os._exit(0 if code is None else code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
