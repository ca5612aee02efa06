"""Reads W&B's offline file back: records of its transaction log, as protocol buffers in blocks of 32 KiB (the log format of LevelDB)."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

_BLOCK, _HEAD = 32768, 7
_FULL, _LAST = 1, 4


def records(path: Path) -> Iterator[Any]:
    """Every record of a ``.wandb`` file."""
    Record = import_module("wandb.proto.wandb_internal_pb2").Record
    content, place, parts = path.read_bytes(), _HEAD, []
    assert content[:4] == b":W&B"
    while place + _HEAD <= len(content):
        if (left := _BLOCK - place % _BLOCK) < _HEAD:
            place += left
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        parts.append(content[place + _HEAD : place + _HEAD + length])
        place += _HEAD + length
        if kind in (_FULL, _LAST):
            record = Record()
            record.ParseFromString(b"".join(parts))
            yield record
            parts = []


def logged(path: Path) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """History and summary values by their keys, and the artifacts that were logged."""
    history: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    artifacts: list[Any] = []
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            history |= {_key(item): json.loads(item.value_json) for item in record.history.item}
        elif kind == "summary":
            summary |= {_key(item): json.loads(item.value_json) for item in record.summary.update}
        elif kind == "artifact":
            artifacts.append(record.artifact)
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            artifacts.append(record.request.log_artifact.artifact)
    return history, summary, artifacts


def _key(item: Any) -> str:
    return item.key or "/".join(item.nested_key)
