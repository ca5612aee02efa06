"""What all commands share: error sentences, exit codes, signals.

Exit codes: 0 done, 1 a run failed, 2 the user can mend it, 130 interrupted with Ctrl-C, 143 terminated.
"""

import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from hrmlab.core import termination
from hrmlab.core.errors import (
    LESS_MEMORY,
    NO_MEMORY,
    Terminated,
    TrainingFailed,
    Unfinished,
    UserError,
    memory_is_exhausted,
    passing_cause,
)
from hrmlab.core.processes import follow_supervisor, process_rank


def run_command(name: str, body: Callable[[Sequence[str]], int]) -> NoReturn:
    """Run a command's body on the command line and exit with its code; say in one sentence what a user can mend.

    Anything unexpected keeps its traceback.
    """
    follow_supervisor()
    termination.listen()
    code = guarded(name, lambda: body(sys.argv[1:]))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what libraries do at exit may be cut short, without a traceback of theirs
    sys.exit(code)


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
        _say_once(name, str(error) or "terminated")
        return 143
    except KeyboardInterrupt as error:
        _say_once(name, str(error) or "interrupted")
        return 130
    except BrokenPipeError:  # the reader of our output has gone (| head)
        sys.stdout = None  # type: ignore[assignment]
        return 141
    except Exception as error:
        if termination.arrived():
            _say_once(name, "terminated")
            return 143
        if (cause := passing_cause(error)) is not None:
            _say_once(name, f"{cause} and start the same command again")
        elif memory_is_exhausted(error):
            say(name, f"{NO_MEMORY}; {LESS_MEMORY}")
        else:
            traceback.print_exc()
        return 1


def say(name: str, sentence: str) -> None:
    """One line on standard error."""
    print(f"{name}: {' '.join(sentence.split())}", file=sys.stderr, flush=True)


def _say_once(name: str, sentence: str) -> None:
    """What happens to all processes of a distributed run together is said by the first."""
    if process_rank() == 0:
        say(name, sentence)


def failure_sentence(failure: TrainingFailed) -> str:
    """What happened, where, what to try, on one line."""
    parts = [failure.error.rstrip(".")]
    if failure.step is not None:
        parts.append(f"step {failure.step}")
    if failure.last_checkpoint:
        parts.append(f"last checkpoint {failure.last_checkpoint}")
    return "; ".join([*parts, *([failure.hint.rstrip(".")] if failure.hint else [])])
