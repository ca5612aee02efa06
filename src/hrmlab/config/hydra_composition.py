"""One composition by Hydra, of which the part that files alone decide is remembered: the chosen files put together, before any value.

Reading and merging the files takes Hydra tenths of a second; the values of one run are set in them in milliseconds. A sweep of a hundred
jobs chooses the same few combinations of files again and again, and so does a process that composes one run after another.
"""

import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig

from hrmlab.config.location import RECIPES, configuration_root

_MOST_BASES = 1000
"""Combinations of files that are remembered, some 20 kB each; a process that lives long forgets the oldest."""
_MOST_FILES = 5000
"""Files and folders that are looked at; of a folder that holds more, nothing is remembered from one command to the next."""


@dataclass
class Memory:
    """Compositions of files.

    Attributes:
        state: path, size and time of writing of every file that could be read.
        bases: the overrides that choose files -> what they come to, pickled: that is copied four times as fast.
        said: sections as their files say them, by what chooses them.
    """

    state: list[tuple[str, int, int]] = field(default_factory=list)
    bases: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    said: dict[Any, Any] = field(default_factory=dict)


_memories: dict[tuple[Path, ...], Memory] = {}


def memory_of(folders: Sequence[Path]) -> Memory:
    """What this process remembers of the package's files and those in the user's folders, while none of them has changed."""
    package = [configuration_root() / name for name in ("conf", *RECIPES)]
    state = _files([*package, *folders])
    if state is None:
        return Memory()
    memory = _memories.get(tuple(folders))
    if memory is None or memory.state != state:
        memory = _memories[tuple(folders)] = Memory(state)
    return memory


def compose_with_memory(memory: Memory, choosing: Sequence[str], values: Sequence[Override]) -> DictConfig:
    """As Hydra composes all of these overrides at once.

    Args:
        choosing: the overrides that choose files, in Hydra's grammar.
        values: those that give a value to a key, which need not be there.
    """
    words = tuple(choosing)
    if words not in memory.bases:
        while len(memory.bases) >= _MOST_BASES:
            memory.bases.pop(next(iter(memory.bases)))
        memory.bases[words] = pickle.dumps(compose("train", overrides=list(words), return_hydra_config=True))
    composed = pickle.loads(memory.bases[words])
    forced = [replace(override, type=OverrideType.FORCE_ADD, input_line=f"++{override.input_line}") for override in values]
    ConfigLoaderImpl._apply_overrides_to_config(forced, composed)
    return composed


def _files(folders: Sequence[Path]) -> list[tuple[str, int, int]] | None:
    """Every YAML file in these folders: its path, size and time of writing. None where there is too much to look at."""
    found, seen, waiting = [], 0, [str(folder) for folder in folders]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if seen > _MOST_FILES:
                        return None
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif entry.name.endswith((".yaml", ".yml")):
                        status = entry.stat()
                        found.append((entry.path, status.st_size, status.st_mtime_ns))
        except OSError:  # one that may not be read, a link that leads nowhere
            return None
    return sorted(found)
