"""A run directory: created exclusively, locked while its process lives, marked COMPLETED or FAILED at the very end.

Layout: ``<output_root>/<study>/<task>/<arm>/<size>/seed=<n>/<hash>[-2, -3 ...]/``. Nothing is known about a run that is not in here.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from hrmlab.core.errors import Unfinished, UserError
from hrmlab.runs import files, locks, mark
from hrmlab.runs.identity import RunLabels, config_hash

__all__ = ["BEST", "LAST", "PRACTISED", "PREVIOUS", "RunDirectory", "RunLabels", "RunState", "config_hash"]

RunState = Literal["completed", "failed", "running", "interrupted"]
_LOCK_PATIENCE = 0.5
DRAFT = ".creating-"
"""How the name of a run directory begins before it is complete."""
LAST, PREVIOUS, BEST = "last.ckpt", "previous.ckpt", "best.ckpt"
"""In ``checkpoints/``: the newest, the one before, and the one of the best validation."""
PRACTISED = "practised.ckpt"
"""Likewise, where stages of learning by reward followed the training: what the last of them left."""
CONVERTED = "converted.json"
"""In a run that was never trained here: which published checkpoint its weights are from."""
_OWN_FOLDERS = ("checkpoints", "generations")


class RunDirectory:
    """One run's record. Make it with :meth:`create` or :meth:`open`."""

    def __init__(self, path: Path, *, labels: RunLabels, hash: str) -> None:
        self.path, self.labels, self.hash = path, labels, hash
        self._hold: locks.Hold | None = None

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    # ---------------------------------------------------------------- making and opening

    @classmethod
    def create(cls, *, output_root: str | Path, labels: RunLabels, config: Mapping[str, Any], overrides: Sequence[str]) -> "RunDirectory":
        """A directory of its own for this launch, with config.yaml and overrides.yaml already inside.

        The folder is filled under a hidden name and renamed, so nobody ever sees a run without its configuration, and two launches in the
        same moment get two directories (``<hash>`` and ``<hash>-2``).
        """
        parent = folder_of(output_root, labels)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            files.remove_leftovers(parent, drafts=DRAFT)
            drafting = contextlib.ExitStack()
            draft = drafting.enter_context(files.drafting(parent, DRAFT))
        except OSError as error:
            raise UserError(
                f"output_root={str(output_root)!r} cannot hold run directories: {error.strerror}; choose a writable folder"
            ) from None
        hash = config_hash(config)
        with drafting:
            identity = {"labels": asdict(labels), "hash": hash, "created": datetime.now(UTC).isoformat(timespec="microseconds")}
            files.write_json(draft / "run.json", identity)
            files.write_yaml(draft / "config.yaml", dict(config))
            files.write_yaml(draft / "overrides.yaml", list(overrides))
            path = _claim(draft, parent, hash)
        files.sync_folder(parent)
        return cls(path, labels=labels, hash=hash)

    @classmethod
    def open(cls, path: str | Path) -> "RunDirectory":
        """An existing run directory.

        Raises:
            UserError: the path does not exist or is not a run directory; the sentence says what is missing or broken.
        """
        path = Path(path)
        if not path.is_dir():
            raise UserError(f"{path} is not a run directory: no such folder")
        identity = files.read_json(path / "run.json")
        if identity is None:
            raise UserError(f"{path} is not a run directory: it has no run.json")
        try:
            labels, hash = RunLabels(**identity["labels"]), str(identity["hash"])
        except (TypeError, KeyError, UserError):
            raise UserError(f"{path} is not a run directory: run.json does not name study, task, arm, size, seed and hash") from None
        if not (path / "config.yaml").is_file():
            raise UserError(f"{path} is not a run directory: it has no config.yaml")
        return cls(path, labels=labels, hash=hash)

    # ---------------------------------------------------------------- what it holds

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration, as plain data."""
        value = files.read_yaml(self.path / "config.yaml")
        if not isinstance(value, dict):
            raise UserError(f"{self.path / 'config.yaml'} does not hold a configuration; the run cannot be read")
        return value

    def rewrite_config(self, config: Mapping[str, Any]) -> None:
        """Write down what changes when a run goes on and its outcome does not depend on: threads, logger, progress bar.

        Raises:
            ValueError: it would be another configuration; a new run is made for that.
        """
        if config_hash(config) != self.hash:
            raise ValueError(f"{self.path} holds configuration {self.hash} and cannot take another")
        if dict(config) != self.config:
            files.write_yaml(self.path / "config.yaml", dict(config))
            del self.config

    @cached_property
    def overrides(self) -> list[str]:
        """The command-line overrides that the run was launched with; empty when the file is gone."""
        value = files.read_yaml(self.path / "overrides.yaml") if (self.path / "overrides.yaml").is_file() else []
        return [str(item) for item in value] if isinstance(value, list) else []

    def forget(self) -> None:
        """Let go of what was read from the directory; it is read again when it is asked for."""
        for name in ("config", "overrides"):
            vars(self).pop(name, None)

    @property
    def created(self) -> str:
        """When the directory was created: ISO 8601, UTC."""
        return str((self.read_json("run.json") or {}).get("created", ""))

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints, made on first use."""
        folder = self.path / "checkpoints"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def metrics_file(self) -> Path:
        """metrics.csv, see :class:`hrmlab.runs.metrics.MetricsWriter`."""
        return self.path / "metrics.csv"

    @property
    def predictions_file(self) -> Path:
        """predictions.parquet, one row per test example."""
        return self.path / "predictions.parquet"

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file atomically."""
        files.write_json(self.path / name, value)

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A JSON file's content, None when there is no such file.

        Raises:
            UserError: the file is there and is not JSON.
        """
        return files.read_json(self.path / name)

    # ---------------------------------------------------------------- life

    @property
    def state(self) -> RunState:
        """COMPLETED or FAILED where the file says so; else running while a process holds the lock; else interrupted.

        A COMPLETED that is no mark, or stands without summary.json, proves nothing: such a run is taken up again (see :attr:`doubt`).
        """
        if self.completed and not self.doubt:
            return "completed"
        if (self.path / "FAILED").exists():
            return "failed"
        return "running" if locks.is_held(self.path / "run.lock") else "interrupted"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; when the process dies, however it dies, others can tell (:mod:`hrmlab.runs.locks`).

        A FAILED mark of an earlier launch is taken away, and what it left half written: a new attempt has begun.

        Raises:
            UserError: another process holds the run.
        """
        with (self.path / "run.lock").open("a") as file:
            deadline = time.monotonic() + _LOCK_PATIENCE  # someone who only asks for the state holds the lock for an instant
            while (hold := locks.try_hold(file, ends_process=True)) is None:
                if time.monotonic() > deadline and not self.undecided:
                    raise UserError(f"{self.path} is in use by another process; wait for it to finish or stop it first")
                time.sleep(0.02)
            try:
                (self.path / "FAILED").unlink(missing_ok=True)
                self._tidy()
                self._hold = hold
                yield
            finally:
                self._hold = None
                hold.release()

    @property
    def undecided(self) -> bool:
        """Whether it takes minutes to know if a process of another machine still holds the run; until then it is running."""
        return self.state == "running" and locks.is_undecided(self.path / "run.lock")

    def free(self) -> None:
        """Let go for a dead process of another machine, so that whoever takes the run up needs not find out again that it is dead."""
        with contextlib.suppress(OSError), (self.path / "run.lock").open("r+") as file:
            if (hold := locks.try_hold(file)) is not None:
                hold.release()

    def tidy(self) -> None:
        """Remove what killed processes left half written, unless another process works on the run, or may."""
        with contextlib.suppress(OSError), (self.path / "run.lock").open("r+") as file:
            if locks.try_kernel_hold(file):
                self._tidy()

    def _tidy(self) -> None:
        for folder in (self.path, *(self.path / name for name in _OWN_FOLDERS)):
            files.remove_leftovers(folder)

    def complete(self, summary: Mapping[str, Any]) -> None:
        """Write summary.json, take away FAILED, and last of all write COMPLETED with the digests of all records.

        Raises:
            Unfinished: another process has taken the run over, and it is for that one to complete it.
        """
        if self._hold is not None and not self._hold.mine():
            raise Unfinished(f"{self.path} was taken over by another process while this one was stopped")
        self.write_json("summary.json", summary)
        (self.path / "FAILED").unlink(missing_ok=True)
        mark.write_mark(self.path)

    def fail(self, *, error: str, hint: str, step: int | None = None, last_checkpoint: str | None = None) -> None:
        """Mark the run FAILED, with what happened, what to do, and from where it can be taken up again."""
        failure = {"error": error, "hint": hint, "step": step, "last_checkpoint": last_checkpoint}
        files.write_json(self.path / "FAILED", {**failure, "time": datetime.now(UTC).isoformat(timespec="seconds")})

    @property
    def failure(self) -> dict[str, Any]:
        """What FAILED says; empty when the run has not failed."""
        try:
            return files.read_json(self.path / "FAILED") or {}
        except UserError as error:
            return {"error": str(error), "hint": ""}

    @property
    def completed(self) -> str:
        """When the run was completed: ISO 8601, UTC; empty when it is not."""
        try:
            found = mark.read_mark(self.path)
        except ValueError:
            return ""
        return found.time if found is not None else ""

    @property
    def completion(self) -> tuple[int, str]:
        """Sorts launches of the same labels by when they were completed; clocks of machines, which differ, say that of old marks alone."""
        try:
            found = mark.read_mark(self.path)
        except ValueError:
            found = None
        return (0, "") if found is None else (found.order, "" if found.order else found.time)

    @property
    def doubt(self) -> str:
        """Why a COMPLETED that is there does not count, as a sentence; empty when it counts, or there is none."""
        try:
            found = mark.read_mark(self.path)
        except ValueError as error:
            return str(error)
        return f"{mark.NAME} stands without summary.json" if found is not None and not (self.path / "summary.json").is_file() else ""

    @property
    def restored(self) -> str:
        """Digest of the archive that the run was put back from, without its checkpoints; empty for a run that was trained here."""
        try:
            found = mark.read_restored(self.path)
        except ValueError:
            return "unknown"
        return found.archive if found is not None else ""

    def record_files(self) -> list[Path]:
        """COMPLETED and the files that it has digests of; not the written programs in generations/, which are large."""
        return [self.path / name for name in (*mark.records(self.path), mark.NAME) if "/" not in name and (self.path / name).is_file()]

    def verify(self) -> list[str]:
        """What of a completed run's records does not agree with COMPLETED: one sentence for each that is missing, changed or added.

        Empty when all agree, when the run is not completed, and for marks of earlier versions, which hold no digests. Evaluations,
        checkpoints and logs, which may come later, are no records. A run put back from an archive is held against what was in there.
        """
        try:
            found, restored = mark.read_mark(self.path), mark.read_restored(self.path)
        except ValueError as error:
            return [str(error)]
        if found is not None and restored is not None:
            return mark.disagreements(self.path, restored.digests)
        return mark.disagreements(self.path, found.digests) if found is not None and found.digests is not None else []


# -------------------------------------------------------------------- details


def folder_of(output_root: str | Path, labels: RunLabels) -> Path:
    """Where all launches with these labels lie."""
    return Path(output_root) / labels.study / labels.task / labels.arm / labels.size / f"seed={labels.seed}"


def _claim(draft: Path, parent: Path, hash: str) -> Path:
    """Give the draft the first free name. Renaming a folder onto a folder that holds something fails: that makes it exclusive."""
    launch = 1
    while True:
        path = parent / (hash if launch == 1 else f"{hash}-{launch}")
        if not path.exists():
            try:
                os.rename(draft, path)  # noqa: PTH104  (os.rename is where the guarantee is documented)
                return path
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    raise
        launch += 1
        if launch > 10_000:
            raise UserError(f"{parent} holds {launch - 1} launches of configuration {hash}; remove some")
