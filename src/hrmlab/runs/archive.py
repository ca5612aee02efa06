"""records.tar.xz: the records of a study's runs in one small file for a repository, from which its run directories can be put back.

A tar file of slim run directories (``<task>/<arm>/<size>/seed=<n>/<hash>/...``) with ``manifest.json`` first, compressed as one: what many
runs have in common (test examples, answers, configurations) costs its bytes once. The manifest holds the digest of each file and one digest
of them all; each run's own COMPLETED, with the digests of the whole run, is among the files. A run that is put back says so in a file
RESTORED: it has results and no checkpoints. The same runs give the same bytes.
"""

import hashlib
import io
import json
import lzma
import shlex
import tarfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hrmlab.core.errors import UserError
from hrmlab.runs import files, mark
from hrmlab.runs.directory import DRAFT, RunDirectory

NAME = "records.tar.xz"
_MANIFEST = "manifest.json"
_FORMAT = 1
_PRESET = 9  # a window of 64 MiB: what runs share is found across those between them
_DEPTH = 5

RunFiles = Mapping[str, bytes]
"""Content of a run's files by name."""


@dataclass(frozen=True, kw_only=True)
class Archive:
    """What an archive holds, without its files' content. Made by :func:`read_archive`.

    Attributes:
        path: of the archive.
        study: whose runs it holds.
        digest: of all files, blake2b in hex.
        runs: run (its folder below the study) -> file -> digest.
        notes: what the writer wanted to be known of runs that are not in here; plain data.
    """

    path: Path
    study: str
    digest: str
    runs: Mapping[str, Mapping[str, str]]
    notes: tuple[Mapping[str, Any], ...] = ()

    def contents(self, names: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Runs and their files, each file checked against its digest; None: all runs, in the archive's order.

        Raises:
            UserError: the archive is damaged.
        """
        wanted = self.runs if names is None else {name: self.runs[name] for name in self.runs if name in names}
        with _opened(self.path) as tar:
            run, held = "", {}
            for member in tar:
                folder, _, name = member.name.rpartition("/")
                if folder not in wanted:
                    continue
                if folder != run:
                    run, held = folder, {}
                held[name] = _content(tar, member)
                if len(held) == len(wanted[run]):
                    if any(digest_of(content) != wanted[run].get(name) for name, content in held.items()):
                        raise ValueError(f"{run} is not what its manifest says")
                    yield run, held
                    wanted = {name: digests for name, digests in wanted.items() if name != run}
            if wanted:
                raise ValueError(f"{next(iter(wanted))} lacks files that its manifest names")

    def restore(self, names: Collection[str], *, output_root: Path) -> list[Path]:
        """Put runs back as run directories below ``<output_root>/<study>``; those whose folder is there already are left alone.

        Raises:
            UserError: the archive is damaged, or the folder cannot be written.
        """
        restored = []
        missing = [name for name in names if not (output_root / self.study / name).exists()]
        for name, contents in self.contents(missing):
            path = output_root / self.study / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with files.drafting(path.parent, DRAFT) as draft:
                    for file, content in contents.items():
                        (draft / file).write_bytes(content)
                    mark.write_restored(draft, archive=self.digest, digests=self.runs[name])
                    draft.rename(path)
            except OSError as error:
                raise UserError(f"{path} cannot be put back from {self.path} ({error.strerror}); choose a writable output_root") from None
            restored.append(path)
        return restored


def archive_of(reports_root: str | Path, study: str) -> Path:
    """Where the archive of a study lies: beside its report."""
    return Path(reports_root) / study / NAME


def read_archive(path: Path) -> Archive | None:
    """The archive at a path; None where there is none.

    Raises:
        UserError: it is damaged.
    """
    if not path.exists():
        return None
    with _opened(path) as tar:
        member = tar.next()
        if member is None or member.name != _MANIFEST:
            raise ValueError(f"it does not begin with {_MANIFEST}")
        manifest = json.loads(_content(tar, member))
        if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
            raise ValueError("it is of another format than this version's")
        study, runs, notes = manifest["study"], manifest["runs"], manifest.get("notes") or []
        if not isinstance(study, str) or not _is_manifest(runs) or not all(isinstance(note, dict) for note in notes):
            raise ValueError(f"its {_MANIFEST} does not list runs and their digests")
        if manifest.get("digest") != _digest_of_all(study, runs, notes):
            raise ValueError(f"its {_MANIFEST} was changed")
        return Archive(path=path, study=study, digest=manifest["digest"], runs=runs, notes=tuple(notes))


def write_archive(path: Path, *, study: str, runs: Mapping[str, RunFiles], notes: Collection[Mapping[str, Any]] = ()) -> Archive:
    """Write an archive in one step; the old one stays until the new one is whole.

    Args:
        runs: by their folders below the study.
        notes: plain data about runs that are not in here.

    Raises:
        UserError: the folder cannot be written.
    """
    digests = {run: {name: digest_of(content) for name, content in sorted(held.items())} for run, held in sorted(runs.items())}
    listed = [dict(note) for note in notes]
    digest = _digest_of_all(study, digests, listed)
    manifest = {"format": _FORMAT, "study": study, "digest": digest, "runs": digests, "notes": listed}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            files.replacing(path) as temporary,
            lzma.open(temporary, "wb", preset=_PRESET) as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            _add(tar, _MANIFEST, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())
            for run, held in sorted(runs.items()):
                for name, content in sorted(held.items()):
                    _add(tar, f"{run}/{name}", content)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another reports_root") from None
    return Archive(path=path, study=study, digest=digest, runs=digests, notes=tuple(listed))


def refuse_without_checkpoints(run: RunDirectory) -> None:
    """Say of a run that was put back from an archive that it cannot be opened.

    Raises:
        UserError: it is one.
    """
    if run.restored:
        raise UserError(
            f"{run.path} was put back from an archive of records, which holds results and no checkpoints; train the run again elsewhere: "
            f"hrm-train {shlex.join(run.overrides)} output_root=<another folder>"
        )


def digest_of(content: bytes) -> str:
    """As in COMPLETED: blake2b of 16 bytes in hex."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _digest_of_all(study: str, runs: Mapping[str, Mapping[str, str]], notes: list[Any]) -> str:
    return digest_of(json.dumps([study, runs, notes], sort_keys=True, ensure_ascii=False).encode())


def _is_manifest(runs: Any) -> bool:
    """Runs at their usual depth, with plain file names: nothing that a restored file could climb out of its folder with."""
    return isinstance(runs, dict) and all(
        len(parts := run.split("/")) == _DEPTH
        and not any(part in ("", ".", "..") for part in parts)
        and isinstance(held, dict)
        and all("/" not in name and not name.startswith(".") and isinstance(digest, str) for name, digest in held.items())
        for run, held in runs.items()
    )


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """A member without time, owner or any other trace of this machine."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file: IO[bytes] | None = tar.extractfile(member) if member.isreg() else None
    if file is None:
        raise ValueError(f"{member.name} is no file")
    return file.read()


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """The archive's members as a stream; whatever is wrong with it inside becomes one sentence."""
    try:
        with lzma.open(path) as compressed, tarfile.open(fileobj=compressed, mode="r|") as tar:
            yield tar
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, lzma.LZMAError, tarfile.TarError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path} is damaged ({reason}); fetch it again, for example with git checkout, or remove it and write it again from the run "
            "directories with hrm-report records=true"
        ) from None
