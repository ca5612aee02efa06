"""The errors a person can mend, apart from the errors only a developer can."""

import errno


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


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived: stop as on Ctrl-C."""


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error comes from a full disk or an exhausted quota, also under the errors raised while it was handled."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, RuntimeError) and "No space left on device" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
