"""Rows of problems: JSON Lines, a JSON list, either gzipped, or a set of the Hugging Face hub; and refusals that name the row."""

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hrmlab.core.errors import MissingExtra, UserError


class Row(NamedTuple):
    """One problem as it was read.

    Attributes:
        where: the file or set, for messages.
        number: from 1.
        fields: by name.
    """

    where: str
    number: int
    fields: dict[str, Any]

    def text(self, field: str, *, default: str | None = None) -> str:
        """The text in this field.

        Raises:
            UserError: it is missing (and there is no default) or not text.
        """
        value = self.fields.get(field, default)
        if not isinstance(value, str):
            found = "is missing" if field not in self.fields else f"is of type {type(value).__name__}"
            self.refuse(field, f"{found}; it must be text")
        return value

    def texts(self, field: str, *, default: list[str] | None = None) -> list[str]:
        """The list of texts in this field.

        Raises:
            UserError: it is missing (and there is no default) or not a list of texts.
        """
        value = self.fields.get(field, default)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(field, "is missing or not a list of texts; correct it")
        return value

    def refuse(self, field: str, reason: str) -> NoReturn:
        """Raise for this row.

        Raises:
            UserError: always.
        """
        raise UserError(f"{self.where}, row {self.number} (counted from 1): the field '{field}' {reason}")


def read_rows(path: str | Path) -> list[Row]:
    """The objects of a JSON Lines file or of a file with one JSON list, plain or gzipped.

    Raises:
        UserError: the file is missing, unreadable, empty, or a row is no JSON object.
    """
    where = str(path)
    text = _text(Path(path))
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except ValueError as error:
            raise UserError(f"{where} is not valid JSON ({error}); correct it or write one JSON object a line") from error
    else:
        values = list(_lines(text, where))
    rows = [Row(where, number, value) for number, value in enumerate(values, start=1)]
    for row in rows:
        if not isinstance(row.fields, dict):
            raise UserError(f"{where}, row {row.number} (counted from 1): it is no JSON object; give one object with its fields a row")
    if not rows:
        raise UserError(f"{where} has no problems; give at least one")
    return rows


def read_hub_rows(name: str) -> list[Row]:
    """The rows of all splits of a set on the hub (or of a local folder laid out like one), in the order of its splits.

    Raises:
        UserError: the set cannot be had, or has no rows.
        MissingExtra: ``datasets`` is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", extra="hub", purpose=f"hub_name={name}") from error
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(name)
        values = [dict(value) for split in loaded.values() for value in split]  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType, reportCallIssue]
    except Exception as error:  # the library raises its own, its HTTP client's and its readers' errors
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(
            f"hub_name={name} could not be loaded from the Hugging Face hub ({type(error).__name__}: {reason}); "
            "download its file and give it as path, or set HF_HUB_OFFLINE=1 to use a copy downloaded before"
        ) from error
    if not values:
        raise UserError(f"hub_name={name} has no rows; choose another data set")
    return [Row(f"hub_name={name}", number, value) for number, value in enumerate(values, start=1)]


def _lines(text: str, where: str) -> Iterator[Any]:
    number = 0
    for line in text.split("\n"):
        if line.strip():
            number += 1
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(
                    f"{where}, row {number} (counted from 1): it is not valid JSON ({error}); write one JSON object a line"
                ) from error


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"path={path} does not exist; give a JSON Lines file (relative to {Path.cwd()}, or absolute)") from None
    except IsADirectoryError:
        raise UserError(f"path={path} is a folder; give a JSON Lines file in it") from None
    except OSError as error:
        raise UserError(f"path={path} cannot be read ({error.strerror}); check its permissions") from error
    try:
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"path={path} is a damaged gzip file ({error}); copy or download it again") from error
    except UnicodeDecodeError as error:
        raise UserError(f"path={path} is not UTF-8 text (byte {error.start}); save it as JSON Lines in UTF-8") from error
