"""What all commands share: error sentences, exit codes, signals.

Exit codes: 0 done, 1 a run failed, 2 the user can mend it, 130 interrupted with Ctrl-C, 143 terminated.
"""

import ctypes
import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from hrmlab.core.errors import TrainingFailed, UserError

SUPERVISOR = "HRMLAB_SUPERVISOR"
"""Environment variable with the process id of the hrm-sweep that this process must not outlive."""

_PR_SET_PDEATHSIG = 1


class Unfinished(RuntimeError):  # noqa: N818 - reads as what it is
    """A run stopped for a reason outside of it and can be resumed: one sentence, no traceback."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: stop as on Ctrl-C."""


def run_command(name: str, body: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a command's body on the command line and exit with its code; say in one sentence what a user can mend.

    Anything unexpected keeps its traceback.
    """
    _follow_supervisor()
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(guarded(name, lambda: body(sys.argv[1:])))


def guarded(name: str, body: Callable[[], int]) -> int:
    """The body's exit code, or the one of the error it ended in, after saying so on standard error."""
    try:
        return body()
    except UserError as error:
        say(name, str(error))
        return 2
    except (TrainingFailed, Unfinished) as failure:
        say(name, failure_sentence(failure) if isinstance(failure, TrainingFailed) else str(failure))
        return 1
    except Terminated as error:
        say(name, str(error) or "terminated")
        return 143
    except KeyboardInterrupt as error:
        say(name, str(error) or "interrupted")
        return 130
    except BrokenPipeError:  # the reader of our output has gone (| head)
        sys.stdout = None  # type: ignore[assignment]
        return 141
    except Exception as error:
        if disk_is_full(error):
            say(name, "no space left on the disk; free some and start the same command again")
        else:
            traceback.print_exc()
        return 1


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk or an exhausted quota, also under the errors raised while it was handled."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, RuntimeError) and "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def say(name: str, sentence: str) -> None:
    """One line on standard error."""
    print(f"{name}: {' '.join(sentence.split())}", file=sys.stderr, flush=True)


def failure_sentence(failure: TrainingFailed) -> str:
    """What happened, where, what to try, on one line."""
    parts = [failure.error.rstrip(".")]
    if failure.step is not None:
        parts.append(f"step {failure.step}")
    if failure.last_checkpoint:
        parts.append(f"last checkpoint {failure.last_checkpoint}")
    return "; ".join([*parts, *([failure.hint.rstrip(".")] if failure.hint else [])])


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def end_with_parent(parent: int, number: signal.Signals) -> None:
    """Receive a signal when the process that started this one dies, however it dies."""
    linux = sys.platform.startswith("linux")
    if linux:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked to be told
        os.kill(os.getpid(), number)
    if not linux:
        threading.Thread(target=_watch_parent, args=(parent, number), daemon=True).start()


def _follow_supervisor() -> None:
    supervisor = os.environ.pop(SUPERVISOR, "")
    if supervisor.isdigit():
        end_with_parent(int(supervisor), signal.SIGTERM)


def _watch_parent(parent: int, number: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), number)
