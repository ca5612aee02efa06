"""Processes forked from a server that has imported everything, those of a distributed run above all: a run of three takes seconds."""

import multiprocessing
import os
import signal
import socket
import sys
import traceback
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from command_server import PRELOADED


def forked() -> ForkServerContext:
    """What starts processes from the server. There is one for all tests of a process, and it imports what it is told before its first fork:
    a test that told it something else would leave the imports to every process of every later one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def start_together(path: Path, processes: int, *, stop_at: int | None = None) -> list[BaseProcess]:
    """Start the processes of the run at a path.

    Args:
        stop_at: the step at which the last process gets SIGTERM.
    """
    context = forked()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = (str(path), processes, port, stop_at)
    started = [context.Process(target=_process, args=(rank, *place)) for rank in range(processes)]
    for process in started:
        process.start()
    return list(started)


def run_together(path: Path, processes: int, *, stop_at: int | None = None) -> list[int]:
    """Train the run at a path with so many processes; their exit codes."""
    started = start_together(path, processes, stop_at=stop_at)
    for process in started:
        process.join(timeout=200)
    codes = [-99 if process.exitcode is None else process.exitcode for process in started]
    for process in started:
        process.kill()
    return codes


def _process(rank: int, path: str, processes: int, port: int, stop_at: int | None) -> None:
    if processes > 1:
        os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    from hrmlab.runs.directory import RunDirectory
    from hrmlab.workflows.launch import execute
    from hrmlab.workflows.train import train

    if stop_at is not None and rank == processes - 1:
        _terminate_at(stop_at)
    run = RunDirectory.open(path)
    try:
        execute(run) if rank == 0 else train(run)
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException:
        traceback.print_exc()
        sys.exit(1)


def _terminate_at(step: int) -> None:
    from hrmlab.training.callbacks.save import SaveCheckpoints

    original = SaveCheckpoints.on_train_batch_start

    def hook(callback, trainer, *arguments):
        if trainer.global_step == step:
            os.kill(os.getpid(), signal.SIGTERM)
        original(callback, trainer, *arguments)

    SaveCheckpoints.on_train_batch_start = hook  # pyright: ignore[reportAttributeAccessIssue]
