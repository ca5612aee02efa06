"""The errors a person can mend, apart from the errors only a developer can."""

import errno
from collections.abc import Iterator


class UserError(ValueError):
    """A mistake in what the user supplied: one sentence with field, value and remedy.

    Commands print the sentence alone (no traceback) and exit with code 2.
    """


class MissingExtra(UserError):  # noqa: N818 - reads as what it is
    """An optional dependency is absent."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package '{package}', which is not installed; run: pip install 'hrmlab[{extra}]'")


class TrainingFailed(RuntimeError):  # noqa: N818 - likewise
    """Training stopped for a reason that its data or recipe gave: the run is marked FAILED and a sweep goes on.

    Attributes:
        error: what happened, one sentence.
        hint: what to try, one sentence; empty when nothing is known to help.
        step: optimizer steps done; None when training had not begun.
        last_checkpoint: name of the checkpoint from which the run can be taken up again; None when there is none.
    """

    def __init__(self, error: str, *, hint: str = "", step: int | None = None, last_checkpoint: str | None = None) -> None:
        super().__init__(error)
        self.error, self.hint, self.step, self.last_checkpoint = error, hint, step, last_checkpoint


class Unfinished(RuntimeError):  # noqa: N818 - reads as what it is
    """A run stopped for a reason outside of it and can be resumed: one sentence, no traceback."""


class LostProcess(RuntimeError):  # noqa: N818 - likewise
    """Another process of a distributed run ended before its time; the message says which and how."""


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: stop as on Ctrl-C."""


NO_MEMORY = "the machine has too little memory for this"
LESS_MEMORY = (
    "raise training.gradient_accumulation, lower training.batch_size, training.evaluation_batch_size or size, "
    "or use a machine with more memory"
)

_NO_MEMORY_WORDS = ("can't allocate memory", "out of memory", "storage size calculation overflowed", "_status_alloc_failed")
_LOST_PEER_WORDS = ("connection closed by peer", "connection reset by peer", "broken pipe", "socket closed", "remote process has exited")


def memory_is_exhausted(error: BaseException | None) -> bool:
    """Whether an error says that memory ran out, of the CPU's or a GPU's, also under the errors raised while it was handled."""
    return any(
        isinstance(link, MemoryError)
        or (isinstance(link, OSError) and link.errno == errno.ENOMEM)
        or (isinstance(link, RuntimeError) and any(words in str(link).lower() for words in _NO_MEMORY_WORDS))
        for link in _chain(error)
    )


def passing_cause(error: BaseException | None) -> str | None:
    """What outside of the program stopped it and how to mend that, where the same command then goes on; None for any other error."""
    if disk_is_full(error):
        return "no space left on the disk; free some"
    closed = next((link for link in _chain(error) if isinstance(link, OSError) and link.errno in (errno.EROFS, errno.EACCES)), None)
    if closed is not None and closed.filename is not None:
        return f"{closed.filename} cannot be opened ({closed.strerror}); give this user access to it"
    lost = next((link for link in _chain(error) if isinstance(link, LostProcess)), None)
    if lost is not None:
        return f"{lost}; see to that"
    return "another process of this distributed run has ended, killed or out of memory; see to that" if peer_is_lost(error) else None


def peer_is_lost(error: BaseException | None) -> bool:
    """Whether an error says that another process of a distributed run is gone; gloo and NCCL raise RuntimeError or a subclass of it."""
    return any(isinstance(link, RuntimeError) and any(words in str(link).lower() for words in _LOST_PEER_WORDS) for link in _chain(error))


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk or an exhausted quota, also under the errors raised while it was handled."""
    return any(
        (isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT))
        or (isinstance(link, RuntimeError) and "No space left on device" in str(link))
        for link in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised from or while handling."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
