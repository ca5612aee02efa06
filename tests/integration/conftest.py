"""Commands in processes of their own, with a fake trainer, so that each takes tenths of a second."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

FAKES = Path(__file__).parent / "fakes"


def _hear_ctrl_c() -> None:
    """A shell starts background jobs, perhaps these tests, deaf to SIGINT, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Commands:
    """Starts hrm-train and hrm-sweep in a folder of the test."""

    folder: Path
    environment: dict[str, str]

    def words(self, name: str, *words: str) -> list[str]:
        fakes = ["--config-dir", str(FAKES / "configuration"), "data=fake"]
        return [sys.executable, "-m", f"hrmlab.cli.{name}", *fakes, *words]

    def start(self, name: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.words(name, *words),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_hear_ctrl_c,
        )

    def run(self, name: str, *words: str) -> tuple[int, str]:
        process = self.start(name, *words)
        output = process.communicate(timeout=120)[0]
        return process.returncode, output


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    path = os.pathsep.join([str(FAKES), str(FAKES.parents[2] / "src")])
    return Commands(tmp_path, {**os.environ, "PYTHONPATH": path})
