"""Commands in processes of their own, with a fake trainer, so that each takes tenths of a second."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

import command_server
from command_server import Command

FAKES = Path(__file__).parent / "fakes"


@dataclass
class Commands:
    """Starts hrm-train and hrm-sweep in a folder of the test."""

    folder: Path
    environment: dict[str, str]

    def start(self, name: str, *words: str) -> Command:
        fakes = ["--config-dir", str(FAKES / "configuration"), "data=fake"]
        return command_server.start(f"hrmlab.cli.{name}", *fakes, *words, cwd=self.folder, environment=self.environment)

    def run(self, name: str, *words: str) -> tuple[int, str]:
        process = self.start(name, *words)
        output = process.communicate(timeout=120)[0]
        return process.wait(), output


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    path = os.pathsep.join([str(FAKES), str(FAKES.parents[2] / "src")])
    return Commands(tmp_path, {**os.environ, "PYTHONPATH": path})
