"""docs/serving.md does what it says: its calls are answered, its command ends when told to; what cannot be served is said."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

import command_server
from hrmlab.cli import serve
from hrmlab.cli.command import guarded
from hrmlab.runs.directory import RunDirectory

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "serving.md").read_text()
NAME = "sudoku_4x4_easy/hrm"


@pytest.mark.slow
def test_every_call_of_the_documentation_is_answered(train_run: Callable[..., RunDirectory], tmp_path: Path) -> None:
    run = train_run("training.steps=2", "data.difficulty=easy")
    command = next(line.split("  #")[0].split(" #")[0].strip() for line in TEXT.splitlines() if line.startswith("    hrm-serve run="))
    words = [word for word in shlex.split(command)[1:] if not word.startswith(("run=", "port="))]
    with command_server.start("hrmlab.cli.serve", f"run={run.path}", *words, "port=0", "trainer.threads=1", cwd=tmp_path) as server:
        url = _address(server)
        calls = [line for line in TEXT.splitlines() if line.startswith("curl ")]
        assert len(calls) == 4
        name = f"{run.labels.task}/{run.labels.arm}"
        for call in calls:
            words = shlex.split(call.replace("http://127.0.0.1:8000/", url).replace(NAME, name))
            said = subprocess.run([*words, "--fail"], capture_output=True, text=True, check=False, timeout=60)
            assert said.returncode == 0, call
            assert "1" in said.stdout
        (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
        program = program.replace("http://127.0.0.1:8000/", url).replace(NAME, name)
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
        assert len(said.stdout.split()[0]) == 16, said.stderr
        assert urllib.request.urlopen(url).read().startswith(b"<!doctype html>")
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=60)
    assert server.returncode == 0
    assert output.rstrip().endswith("everything accepted has been answered")


def _address(server: command_server.Command) -> str:
    """Where it listens, once it does."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(
            r"http://[^ ]+", os.pread(server._output.fileno(), 1 << 16, 0).decode()
        ):  # its place in the file is the server's
            return found[0]
        time.sleep(0.1)
    raise AssertionError("hrm-serve did not listen")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["port=99999"], "port=99999 is no port"),
        (["port=x"], "port=x is no port"),
        (["slots=0"], "slots=0"),
        (["run=nix"], "nix is not a run directory"),
        (["study=nix"], "study=nix has no completed run"),
        (["study=a", "run=b"], "two choices of runs"),
        (["host=0.0.0.0", "study=nix"], "host=0.0.0.0 may be reached by others"),
        (["host=nix.invalid", "open=true", "study=nix"], "host=nix.invalid is no address"),
        (["fd=0", "study=nix"], "fd=0"),
        (["api_key_file=nix", "study=nix"], "api_key_file=nix cannot be read"),
        (["prot=1"], "did you mean port"),
    ],
)
def test_what_cannot_be_served_is_said(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    more = [] if any(word.startswith("port=") for word in words) else ["port=0"]
    assert guarded(serve.NAME, lambda: serve.command([*words, *more])) == 2
    heard = capsys.readouterr().err
    assert said in heard
    assert heard.count("\n") == 1


def test_every_limit_and_key_of_the_documentation_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.command(["--help"]) == 0
    text = capsys.readouterr().out
    for key in (
        *re.findall(r"`([a-z_]+)`", TEXT.split("Limits, each a key of the command:")[1].split(";")[0]),
        "fd=",
        "cors=",
        "api_key_file=",
        "open=true",
    ):
        assert key in text, key
    for link in re.findall(r"\]\(([^)#:]+)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
