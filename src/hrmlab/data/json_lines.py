"""The one reader of JSON Lines: a file with one object a line, or one JSON list of objects, either gzipped; refusals name the row."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hrmlab.core.errors import UserError
from hrmlab.data.text_file import read_text


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
    text = read_text(Path(path), what=f"a JSON Lines file of {what}s")
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
