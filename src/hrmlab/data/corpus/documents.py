"""The documents of a corpus one after another, from JSON Lines, plain text, or a folder that the datasets library saved."""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.data.corpus.arrow import saved_files, saved_rows
from hrmlab.data.json_lines import place
from hrmlab.data.written.record import CodeRecord

Source = tuple[Path, str]
"""A file or folder, and which split of it."""


def source(path: str, *, field: str, split: str = "train") -> Source:
    """What a user gave as the place of documents.

    Raises:
        UserError: it is of no kind that can be read, or has no such split.
    """
    place_of = Path(path)
    if place_of.is_dir():
        found = saved_files(place_of)
        if split not in found:
            raise UserError(f"{field}={path} has no split {split} (it has: {', '.join(found)}); give a folder that has one")
    elif not place_of.is_file():
        raise UserError(f"{field}={path} does not exist; give a .jsonl or .txt file or a folder of save_to_disk (relative to {Path.cwd()})")
    elif place_of.name.removesuffix(".gz").rpartition(".")[2] not in ("jsonl", "txt"):
        raise UserError(f"{field}={path} is neither .jsonl nor .txt (.gz) nor a folder that save_to_disk of the datasets library made")
    return place_of, split


def fingerprint(origin: Source) -> list[Any]:
    """What tells whether the documents are still those of an earlier time: names, sizes and times of change; the content is not read."""
    path, split = origin
    files = saved_files(path)[split] if path.is_dir() else [path]
    try:
        return [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}); save the dataset again") from None


def documents(origin: Source) -> Iterator[CodeRecord]:
    """The documents as records: a ``text`` is a solution without a problem; ``prompt`` and ``canonical_solution`` are what they say.

    Equal documents have equal ``program_hash``. Empty ones are passed over.

    Raises:
        UserError: a file is damaged or a row holds no text; with its number.
    """
    path, split = origin
    if path.is_dir():
        rows = saved_rows(saved_files(path)[split])
    elif path.name.removesuffix(".gz").endswith(".jsonl"):
        rows = _json_rows(path)
    else:
        rows = ({"text": text} for text in _paragraphs(path))
    for number, row in enumerate(rows, start=1):
        prompt, text = _texts(row, place(str(path), number))
        if prompt or text:
            content = json.dumps([prompt, text]).encode()
            yield CodeRecord(
                task_id=f"{path.name}:{number}",
                prompt=prompt,
                canonical_solution=text,
                test="",
                entry_point="",
                depth=0,
                family="corpus",
                program_hash=hashlib.blake2b(content, digest_size=8).hexdigest(),
                operations=(),
            )


def _texts(row: Any, where: str) -> tuple[str, str]:
    """Prompt and solution of a row."""
    if not isinstance(row, dict):
        raise UserError(f"{where}: it is no JSON object; give one object with the field text a line")
    names = ("prompt", "canonical_solution") if "canonical_solution" in row else ("text",)
    for name in names:
        if not isinstance(row.get(name), str):
            found = "is missing" if name not in row else f"is of type {type(row[name]).__name__}"
            raise UserError(f"{where}: the field '{name}' {found}; give text, or prompt and canonical_solution")
    return (row["prompt"], row["canonical_solution"]) if len(names) == 2 else ("", row["text"])


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file, plain or gzipped, of which memory holds one at a time."""
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with io.TextIOWrapper(gzip.GzipFile(fileobj=raw) if packed else raw, encoding="utf-8-sig", newline="\n") as text:
                for line in text:
                    yield line
                    number += 1
    except UnicodeDecodeError:
        raise UserError(f"{path}: after line {number} it is not UTF-8 text; save it in UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())}); copy it again") from None


def _json_rows(path: Path) -> Iterator[Any]:
    number = 0
    for line in _lines(path):
        if line.strip():
            number += 1
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{place(str(path), number)}: it is not valid JSON ({error}); write one JSON object a line") from None


def _paragraphs(path: Path) -> Iterator[str]:
    """Stretches of lines between empty lines."""
    held: list[str] = []
    for line in _lines(path):
        if line.strip():
            held.append(line)
        elif held:
            yield "".join(held)
            held = []
    if held:
        yield "".join(held)
