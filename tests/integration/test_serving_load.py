"""A restart under load: two servers have one listening socket, one after the other, and every request gets its answer."""

import json
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

import hrmlab
from command_server import SOURCE
from hrmlab.runs.directory import RunDirectory

pytestmark = pytest.mark.slow
CLIENTS = 8


def _server(run: Path, listener: socket.socket) -> "subprocess.Popen[str]":
    words = [f"run={run}", f"fd={listener.fileno()}", "open=true", "trainer.threads=1", "slots=4"]
    return subprocess.Popen(
        [sys.executable, "-m", "hrmlab.cli.serve", *words], pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True, cwd=SOURCE
    )


def test_no_request_is_lost_across_a_restart(train_run: Callable[..., RunDirectory]) -> None:
    run = train_run("training.steps=2")
    opened = hrmlab.open_run(run.path)
    inputs = opened.task.load(progress=False).test.inputs
    expected = opened.predict(inputs, stop="halting").answers.tolist()
    name = f"{run.labels.task}/{run.labels.arm}"
    taken: list[float] = []
    wrong: list[str] = []
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/solve"

        def ask(number: int) -> None:
            while not stop.is_set():
                number = (number + CLIENTS) % len(inputs)
                started = time.perf_counter()
                try:
                    body = json.dumps({"model": name, "puzzle": inputs[number].tolist()}).encode()
                    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        if json.load(answer)["tokens"] != expected[number]:
                            wrong.append(f"another answer to {number}")
                except (OSError, ValueError, HTTPException) as error:
                    wrong.append(repr(error))
                taken.append(time.perf_counter() - started)

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
        with _server(run.path, listener) as old:
            assert old.stdout is not None
            assert "Ctrl-C" in old.stdout.readline()
            for client in clients:
                client.start()
            time.sleep(1.5)
            before = len(taken)
            old.send_signal(signal.SIGTERM)  # and the next starts only now: in between clients wait in the socket's queue
            assert old.wait(60) == 0
            assert "has been answered" in old.stdout.read()
        with _server(run.path, listener) as new:
            assert new.stdout is not None
            assert "Ctrl-C" in new.stdout.readline()
            time.sleep(1.5)
            stop.set()
            for client in clients:
                client.join(60)
            new.terminate()
            assert new.wait(60) == 0
    assert wrong == []
    assert before > CLIENTS
    assert len(taken) > before + CLIENTS
    quantiles = statistics.quantiles(taken[:before], n=100)
    print(f"{before} requests of {CLIENTS} clients: p50 {1000 * quantiles[49]:.0f} ms, p99 {1000 * quantiles[98]:.0f} ms")
    assert quantiles[98] < 30
