"""What all commands share: error sentences, exit codes, signals.

Exit codes: 0 done, 1 a run failed, 2 the user can mend it, 130 interrupted with Ctrl-C, 143 terminated.
"""

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from hrmlab.core.errors import Terminated, TrainingFailed, Unfinished, UserError, disk_is_full
from hrmlab.core.processes import follow_supervisor


def run_command(name: str, body: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a command's body on the command line and exit with its code; say in one sentence what a user can mend.

    Anything unexpected keeps its traceback.
    """
    follow_supervisor()
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
