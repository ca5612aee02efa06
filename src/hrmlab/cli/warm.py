"""A process that has imported what hrm-train needs, and forks a job for each request of hrm-sweep: imports are paid for once, not per job.

It starts no thread and computes nothing but what configuration files come to, so that what it forks is as good as a fresh process. A job
is forked twice: its parent in between ends at once and hrm-sweep, the nearest subreaper, becomes its parent. So hrm-sweep waits for it as
for any child of its own, and the end of this process, however it comes, is nothing to jobs under way.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.core.processes import follow_supervisor
from hrmlab.sweeping.warm import LARGEST_REQUEST


def main() -> None:
    """Answer requests on the socket whose descriptor is the argument, until its other end is closed."""
    follow_supervisor()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    import hrmlab.cli.train
    import hrmlab.config.composition
    from hrmlab.workflows.train import import_for

    with hrmlab.config.composition.composer([]):  # Hydra looks for its plugins once
        pass
    import_for(())
    gc.collect()
    gc.freeze()  # what was imported is shared with the jobs: no collection writes to its pages
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 2)
        if not message:
            return
        log, go = descriptors
        request = json.loads(message)
        _read_files(request["arguments"])
        job = _fork(request, log, go, connection)
        if job is None:
            hrmlab.cli.train.main()  # we are the job
            return
        connection.sendall(str(job).encode())
        os.close(log)
        os.close(go)


def _read_files(arguments: Sequence[str]) -> None:
    """Have the configuration files of a job read here, and the classes of ours that they name imported, so that the job and the next one
    that chooses the same ones find it done."""
    from hrmlab.cli.train import parse_flags
    from hrmlab.config.composition import composer
    from hrmlab.workflows.train import import_for

    with contextlib.suppress(UserError, ImportError):  # the job itself will say it, also which extra is missing
        flags = parse_flags(arguments)
        if not any(word.startswith(("resume=", "extend=")) for word in flags.overrides):
            with composer([flags.config_dir] if flags.config_dir else []) as composing:
                targets = composing.remember(flags.overrides)
            import_for(targets)
            gc.freeze()


def _fork(request: dict[str, Any], log: int, go: int, connection: socket.socket) -> int | None:
    """The process id of a new job; None in the job itself, which is ready to run then."""
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        parent = os.getpid()
        job = os.fork()
        if job:
            os.write(writer, str(job).encode())
            os._exit(0)
        os.close(reader)
        os.close(writer)
        connection.close()
        while os.getppid() == parent:
            time.sleep(0.0005)
        _become(request, log, go)
        return None
    os.close(writer)
    job = int(os.read(reader, 32))
    os.close(reader)
    os.waitpid(between, 0)
    return job


def _become(request: dict[str, Any], log: int, go: int) -> None:
    """Turn this process into the one that the request describes."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not os.read(go, 1):  # hrm-sweep has not heard of us and has gone on without
        os._exit(0)
    os.close(go)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv[1:] = request["arguments"]


if __name__ == "__main__":
    main()
