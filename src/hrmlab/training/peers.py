"""The other processes of a distributed run, watched by the first, which started them: one that dies is named and takes the others along.

Lightning's own watcher kills the first process with SIGKILL, within five seconds and without a word. Here it ends in a sentence: by itself
where its own collective fails, which is at once with gloo, and through the watcher where it hangs in one that nobody will answer.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.distributed import _set_num_threads_if_needed
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

_BETWEEN_LOOKS = 0.25
PATIENCE = 5.0
"""Seconds that the first process gets to find out by itself that another one has ended."""


class Watched:
    """Of a strategy over processes that the first one starts and watches, unless a launcher has started them already.

    Attributes:
        run: the run directory, for the sentence that says how to go on.
    """

    run: Path
    launching: "WatchingLauncher | None" = None

    def lost(self) -> str:
        """Which other process has ended before its time, and how; empty where none is known to have."""
        return "" if self.launching is None else self.launching.lost()

    def unwatched(self) -> None:
        """The first process is leaving by itself: how the others end is no news from here on."""
        if self.launching is not None:
            self.launching.watched = False


class WatchedDDP(Watched, DDPStrategy):
    """Lightning's DDP.

    Args:
        run: the run directory, for the sentence that says how to go on.
    """

    def __init__(self, run: Path) -> None:
        super().__init__()
        self.run = run

    def _configure_launcher(self) -> None:
        assert self.cluster_environment is not None
        self._launcher = self.launching = WatchingLauncher(self.cluster_environment, self.num_processes, self.num_nodes, run=self.run)


class WatchingLauncher(_SubprocessScriptLauncher):
    """Starts the other processes of this machine and watches them."""

    def __init__(self, *place: Any, run: Path) -> None:
        super().__init__(*place)
        self.watched, self._run = True, run

    def launch(self, function: Callable[..., Any], *args: Any, trainer: Any = None, **kwargs: Any) -> Any:
        self.cluster_environment.validate_settings(num_devices=self.num_processes, num_nodes=self.num_nodes)
        if not self.cluster_environment.creates_processes_externally:
            self._call_children_scripts()
            threading.Thread(target=self._watch, daemon=True, name="watching other processes").start()
        _set_num_threads_if_needed(num_processes=self.num_processes)
        return function(*args, **kwargs)

    def lost(self, patience: float = 2.0) -> str:
        """Which process has ended before its time, and how; waits a moment for the news."""
        deadline = time.monotonic() + patience
        while not (ended := self._ended()) and time.monotonic() < deadline and self.procs:
            time.sleep(0.05)
        if not ended:
            return ""
        rank, code = min(ended.items(), key=lambda item: item[1] > 0)  # who was killed; the others followed
        first = self.cluster_environment.node_rank() * self.num_processes
        how = f"was killed ({signal.Signals(-code).name}), perhaps for want of memory" if code < 0 else f"ended with exit code {code}"
        return f"process {first + rank} of the {self.num_processes * self.num_nodes} of this run {how}"

    def _ended(self) -> dict[int, int]:
        """Exit code of every process that ended in failure, by its rank on this machine."""
        codes = {rank: process.poll() for rank, process in enumerate(self.procs, start=1)}
        return {rank: code for rank, code in codes.items() if code}

    def _watch(self) -> None:
        while self.watched and any(process.poll() is None for process in self.procs) and not self._ended():
            time.sleep(_BETWEEN_LOOKS)
        if not self._ended():
            return
        time.sleep(PATIENCE)
        if self.watched:
            print(f"hrm-train: {self.lost()}; see to that and go on with: hrm-train resume={self._run}", file=sys.stderr, flush=True)
            for process in self.procs:
                _kill(process)
            os._exit(1)  # the main thread hangs in a collective; the kernel frees the run, which is resumable


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
