"""Locks of files: the kernel's where they are to be had and reach all machines, else :mod:`hrmlab.runs.claims` in a hidden folder beside.

Which of the two a folder gets is asked of the file system at every lock. ``HRMLAB_LOCKS=files`` chooses the second where a file system
pretends to have locks.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import socket
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from hrmlab.core.notices import notice
from hrmlab.runs import claims
from hrmlab.runs.claims import Claim

CHOICE = "HRMLAB_LOCKS"
_NONE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
"""How a file system says that it has no locks."""
_MOUNTS = Path("/proc/self/mountinfo")
_said: set[int] = set()
_LOST = 75
"""Exit code (EX_TEMPFAIL) of a process whose hold another one has taken over."""


class Hold:
    """A lock that this process holds: until it is released, its file closed, or the process dead.

    Attributes:
        by_files: not by the kernel.
        inherited: the holder before died without letting go; only known where the kernel has no locks.
    """

    def __init__(self, file: IO[Any], claim: Claim | None) -> None:
        self._file, self._claim = file, claim
        self.by_files = claim is not None
        self.inherited = claim is not None and claim.inherited

    def mine(self) -> bool:
        """False where another process has taken over, because this one was stopped for minutes; never where the kernel has locks."""
        return self._claim is None or self._claim.mine()

    def release(self) -> None:
        """Let go."""
        if self._claim is not None:
            self._claim.release()
        with contextlib.suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_UN)


def try_hold(file: IO[Any], *, ends_process: bool = False) -> Hold | None:
    """Hold an open file; None where another process does.

    Args:
        file: open for writing, which network file systems insist on.
        ends_process: where another process takes over all the same, end this one: it must write nothing any more.
    """
    kernel, path = _try_kernel(file, fcntl.LOCK_EX), Path(file.name)
    if kernel is False:
        return None
    folder = _claims_of(path)
    if kernel and not folder.exists():
        return Hold(file, None)
    if kernel is None:
        _say_once(os.fstat(file.fileno()).st_dev, path.parent)
    claim = claims.take(folder, lost=(lambda: _end(path)) if ends_process else None)
    if claim is None:
        if kernel:
            fcntl.flock(file, fcntl.LOCK_UN)
        return None
    return Hold(file, claim)


def try_kernel_hold(file: IO[Any]) -> bool:
    """Whether the kernel locks an open file for this process, until it is closed; False also where it has no locks."""
    return _try_kernel(file, fcntl.LOCK_EX) is True and not _claims_of(Path(file.name)).exists()


def is_held(path: Path) -> bool:
    """Whether a process holds a file, of another machine: may hold it."""
    try:
        with path.open("r") as file:
            if _try_kernel(file, fcntl.LOCK_SH) is False:
                return True
    except FileNotFoundError:
        return False
    except OSError:  # unreadable: somebody else's
        return True
    return claims.is_held(_claims_of(path))


def is_undecided(path: Path) -> bool:
    """Whether it will be known within :data:`hrmlab.runs.claims.STALE` seconds only if the holder of a file lives: ask again until then."""
    return claims.is_undecided(_claims_of(path))


def wait_for_folder(descriptor: int) -> None:
    """Lock an open folder against other processes of this machine, where folders can be locked."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def try_folder(descriptor: int) -> bool:
    """Lock an open folder against other processes of this machine at once; False where one holds it, or folders cannot be locked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@lru_cache
def machine() -> str:
    """Eight hexadecimal digits that tell machines apart, the same after a reboot."""
    name = socket.gethostname()
    with contextlib.suppress(OSError):
        name += Path("/etc/machine-id").read_text(encoding="ascii").strip()
    return hashlib.blake2b(name.encode(), digest_size=4).hexdigest()


# -------------------------------------------------------------------- details


def _claims_of(path: Path) -> Path:
    return path.with_name(f".{path.name.lstrip('.')}.claims")


def _try_kernel(file: IO[Any], kind: int) -> bool | None:
    """Whether the kernel gives the lock; None where it has none that other machines would know of."""
    descriptor = file.fileno()
    if os.environ.get(CHOICE) == "files" or _is_local_only(os.fstat(descriptor).st_dev):
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NONE:
            return None
        raise
    return True


@lru_cache
def _is_local_only(device: int) -> bool:
    """Whether a shared file system is mounted so that its locks are known to this machine alone."""
    name = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            mounted, _, system = line.partition(" - ")
            words, kind = mounted.split(), system.split()
            if len(words) > 5 and words[2] == name and len(kind) > 2:
                options = {*words[5].split(","), *kind[2].split(",")}
                return (kind[0].startswith("nfs") and bool(options & {"nolock", "local_lock=flock", "local_lock=all"})) or (
                    kind[0] == "lustre" and "localflock" in options
                )
    return False


def _say_once(device: int, folder: Path) -> None:
    if device in _said:
        return
    _said.add(device)
    notice(
        f"the file system of {folder} has no locks that all machines know of; files in hidden .claims folders do instead, so a process of "
        f"another machine that died is found after {claims.STALE / 60:g} minutes"
    )


def _end(path: Path) -> None:
    notice(f"{path.parent} was taken over by another process while this one was stopped; this one ends and leaves it all to that one")
    os._exit(_LOST)
