"""Work that processes share batch by batch."""

from typing import TypeVar

import torch

Key = TypeVar("Key")
Value = TypeVar("Value")


def shared(part: dict[Key, Value], world_size: int) -> dict[Key, Value]:
    """What all processes have found together, from what each has found for keys of its own."""
    parts: list[dict[Key, Value]] = [part]
    if world_size > 1:
        parts = [{} for _ in range(world_size)]
        torch.distributed.all_gather_object(parts, part)
    return {key: value for found in parts for key, value in found.items()}
