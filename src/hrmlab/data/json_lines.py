"""The one reader of JSON Lines: a file with one object a line, or one JSON list of objects, either gzipped; refusals name the row."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hrmlab.core.errors import UserError


class Row(NamedTuple):
    """One object as it was read.

    Attributes:
        where: the file or set, for messages.
        number: from 1, blank lines not counted.
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
        """Raise for a field of this row.

        Raises:
            UserError: always.
        """
        raise UserError(f"{place(self.where, self.number)}: the field '{field}' {reason}")


def place(where: str, number: int) -> str:
    """How messages name a row."""
    return f"{where}, row {number} (counted from 1)"


def read_rows(path: str | Path, *, what: str) -> list[Row]:
    """All objects of a file, in order.

    Args:
        what: one row is, for messages, such as ``problem``.

    Raises:
        UserError: the file is missing, unreadable or empty, or a row is no JSON object.
    """
    where = str(path)
    text = _text(Path(path), what)
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} is not valid JSON ({error}); correct it or write one JSON object a line") from None
    else:
        values = list(_lines(text, where))
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise UserError(f"{place(where, number)}: it is no JSON object; give one object with its fields a row")
    if not values:
        raise UserError(f"{where} is empty; give at least one {what}")
    return [Row(where, number, value) for number, value in enumerate(values, start=1)]


def _lines(text: str, where: str) -> Iterator[Any]:
    number = 0
    for line in text.split("\n"):  # at \n alone: a text may hold any other character that ends lines
        if line.strip():
            number += 1
            try:
                yield json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{place(where, number)}: it is not valid JSON ({error}); write one JSON object a line") from None


def _text(path: Path, what: str) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give a JSON Lines file of {what}s (relative to {Path.cwd()}, or absolute)") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give a JSON Lines file in it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    try:
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as JSON Lines in UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is a damaged gzip file ({error}); copy or download it again") from error
