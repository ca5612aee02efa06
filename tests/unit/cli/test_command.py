import errno
import subprocess
import sys

import pytest

from hrmlab.cli.command import Terminated, Unfinished, guarded
from hrmlab.core.errors import LESS_MEMORY, NO_MEMORY, TrainingFailed, UserError


def nested_disk_error():
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError:
        raise RuntimeError("writing the checkpoint failed")  # noqa: B904


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("seed=x is not\nan integer"), 2, "cmd: seed=x is not an integer"),
        (
            TrainingFailed("the loss is NaN.", step=7, last_checkpoint="last.ckpt", hint="lower it"),
            1,
            "cmd: the loss is NaN; step 7; last checkpoint last.ckpt; lower it",
        ),
        (Unfinished("stopped; go on"), 1, "cmd: stopped; go on"),
        (KeyboardInterrupt(), 130, "cmd: interrupted"),
        (Terminated("terminated; go on with: x"), 143, "cmd: terminated; go on with: x"),
        (MemoryError(), 1, f"cmd: {NO_MEMORY}; {LESS_MEMORY}"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, f"cmd: {NO_MEMORY}; {LESS_MEMORY}"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 1, f"cmd: {NO_MEMORY}; {LESS_MEMORY}"),
        (
            RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"),
            1,
            "cmd: another process of this distributed run has ended, killed or out of memory; see to that and start the same command again",
        ),
        (OSError(errno.ENOSPC, "x"), 1, "cmd: no space left on the disk; free some and start the same command again"),
    ],
)
def test_one_line_and_the_exit_code(error, code, sentence, capsys):
    def body():
        raise error

    assert guarded("cmd", body) == code
    assert capsys.readouterr().err == sentence + "\n"


def test_a_full_disk_is_recognised_under_other_errors(capsys):
    assert guarded("cmd", nested_disk_error) == 1
    assert "no space left" in capsys.readouterr().err


def test_the_unexpected_keeps_its_traceback(capsys):
    def body():
        raise ZeroDivisionError("our fault")

    assert guarded("cmd", body) == 1
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert "our fault" in error


def test_a_second_sigterm_while_the_first_is_answered_ends_in_the_same_sentence():
    code = (
        "import os, signal\n"
        "from hrmlab.cli import command\n"
        "def term(): os.kill(os.getpid(), signal.SIGTERM)\n"
        "def body(words):\n"
        "    try: term()\n"
        "    finally: term()\n"
        "say = command.say\n"
        "command.say = lambda *words: (say(*words), term())\n"
        "command.run_command('cmd', body)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (143, "cmd: terminated\n")
