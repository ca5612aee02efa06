"""COMPLETED: when a run was completed, and the digests of its records, so that a record changed later is found.

RESTORED: that a run was put back from an archive, which one, and the digests of what was in there of it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hrmlab.runs import files

NAME, RESTORED = "COMPLETED", "RESTORED"
_RECORDS = ("*.json", "*.yaml", "*.csv", "*.parquet", "generations/*")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Mark:
    """A readable COMPLETED.

    Attributes:
        time: ISO 8601, UTC, by the clock of the machine that the run ended on.
        digests: blake2b in hex by the record's path; None for marks of earlier versions, which hold the time alone.
        order: one more than that of any launch beside it that was completed before, whatever clocks say; 0 for marks of earlier versions.
    """

    time: str
    digests: Mapping[str, str] | None
    order: int = 0


def write_mark(run: Path) -> None:
    """Mark a run directory completed as it stands now."""
    digests = {name: _digest(run / name) for name in records(run)}
    order = 1 + max((_order_of(path.parent) for path in run.parent.glob(f"*/{NAME}") if path.parent != run), default=0)
    files.write_json(run / NAME, {"time": datetime.now(UTC).isoformat(timespec="microseconds"), "order": order, "files": digests})


def _order_of(run: Path) -> int:
    try:
        mark = read_mark(run)
    except ValueError:
        return 0
    return mark.order if mark is not None else 0


def read_mark(run: Path) -> Mark | None:
    """The mark of a run directory; None where there is none.

    Raises:
        ValueError: COMPLETED is there and is no mark; the sentence says what it is.
    """
    try:
        text = (run / NAME).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"{NAME} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{NAME} is no text") from None
    if not text:
        raise ValueError(f"{NAME} is empty")
    try:
        content = json.loads(text) if text.startswith("{") else {"time": text, "files": None}
        time, digests, order = str(content["time"]), content["files"], int(content.get("order", 0))
        datetime.fromisoformat(time)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError(f"{NAME} does not hold the time at which the run was completed") from None
    if digests is not None and not (isinstance(digests, dict) and all(isinstance(value, str) for value in digests.values())):
        raise ValueError(f"{NAME} does not hold the digests of the records")
    return Mark(time, digests, order)


@dataclass(frozen=True)
class Restored:
    """A readable RESTORED.

    Attributes:
        archive: digest of the archive.
        digests: of the files that were put back, which may be less than those that the run was completed with.
    """

    archive: str
    digests: Mapping[str, str]


def write_restored(run: Path, *, archive: str, digests: Mapping[str, str]) -> None:
    """Say in a run directory that it was put back from an archive."""
    text = json.dumps({"archive": archive, "files": dict(digests)}, indent=2)
    (run / RESTORED).write_text(text + "\n", encoding="utf-8")  # of a folder that nobody sees yet


def read_restored(run: Path) -> Restored | None:
    """What RESTORED says; None where there is none.

    Raises:
        ValueError: it is there and cannot be read.
    """
    content = files.read_json(run / RESTORED)
    if content is None:
        return None
    digests = content.get("files")
    if not isinstance(digests, dict) or not all(isinstance(value, str) for value in digests.values()):
        raise ValueError(f"{RESTORED} does not hold the digests of what was put back")
    return Restored(str(content.get("archive") or ""), {name: value for name, value in digests.items() if name != NAME})


def disagreements(run: Path, digests: Mapping[str, str]) -> list[str]:
    """One sentence for each record that is missing, changed, or not among those the run was completed with."""
    found, present = [], set(records(run))
    for name, digest in sorted(digests.items()):
        if name not in present:
            found.append(f"{name} is missing since the run was completed")
        elif _digest(run / name) != digest:
            found.append(f"{name} was changed after the run was completed")
    return found + [f"{name} was added after the run was completed" for name in sorted(present - set(digests))]


def records(run: Path) -> Iterator[str]:
    """Names of the files of a run directory that are its record."""
    for pattern in _RECORDS:
        for path in sorted(run.glob(pattern)):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(run).as_posix()


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return digest.hexdigest()
