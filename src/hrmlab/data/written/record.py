"""One programming problem with HumanEval's fields, and what the synthetic benchmark knows about it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hrmlab.core.errors import UserError


class CodeRecord(NamedTuple):
    """A function to be completed.

    The program that is run is ``prompt + completion + "\\n" + test + "\\n" + f"check({entry_point})"``.

    Attributes:
        task_id: name of the record, unique within its file.
        prompt: the ``def`` line and the indented docstring, up to and including the line that closes it.
        canonical_solution: the indented body, ending with a newline.
        test: source of ``check(candidate)``, which asserts.
        entry_point: name of the function.
        depth: number of composed operations; 0 where unknown.
        family: what the (first) operation is about, e.g. ``"strings"``.
        program_hash: 16 hexadecimal digits, equal for two records if and only if they are the same program.
        operations: kinds of the composed operations in order of execution, or the one expression that is computed; empty where unknown.
    """

    task_id: str
    prompt: str
    canonical_solution: str
    test: str
    entry_point: str
    depth: int
    family: str
    program_hash: str
    operations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values: one line of a JSONL file."""
        return {**self._asdict(), "operations": list(self.operations)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "CodeRecord":
        """The record in a row that :meth:`to_json` made, or in one that has HumanEval's five fields alone.

        Raises:
            UserError: a field of HumanEval is absent or a field has another type.
        """
        values = {"depth": 0, "family": "", "program_hash": "", "operations": (), **row}
        values["operations"] = tuple(values["operations"])
        for field, kind in _FIELD_TYPES.items():
            if not isinstance(values.get(field), kind):
                raise UserError(
                    f"{field}={values.get(field)!r} in the record {values.get('task_id', '(without task_id)')!r} is not "
                    f"{'an integer' if kind is int else 'text'}; give the field as HumanEval's files do"
                )
        return cls(**{field: values[field] for field in cls._fields})


_FIELD_TYPES = {field: int if field == "depth" else str for field in CodeRecord._fields if field != "operations"}


Records = dict[str, list[CodeRecord]]
"""The records of every split."""


def to_lines(splits: Records) -> str:
    """JSON Lines: the names of all splits, then each record with the name of its split."""
    lines = [json.dumps({"splits": list(splits)})]
    lines += [json.dumps({"split": split, **record.to_json()}) for split, records in splits.items() for record in records]
    return "\n".join(lines) + "\n"


def from_lines(text: str) -> Records:
    """What :func:`to_lines` wrote."""
    head, *lines = text.splitlines()
    splits: Records = {split: [] for split in json.loads(head)["splits"]}
    for line in lines:
        row = json.loads(line)
        splits[row["split"]].append(CodeRecord.from_json(row))
    return splits
