"""A label never disagrees with what runs: what a choice is called and which class it names stand in its file and nowhere else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hrmlab.config.location import SECTIONS, choices
from hrmlab.config.values import nearest, show
from hrmlab.core.errors import UserError


def label_sections(config: dict[str, Any], reference: Mapping[str, Any], chosen: Mapping[str, str], folders: Sequence[Path]) -> None:
    """Refuse a name or class that is not the chosen file's, and call a size by what was changed in it (``nano,parameters=30000``).

    Args:
        config: a checked configuration; its size gets its name.
        reference: what the chosen files say, without any override.
        chosen: section -> choice.
        folders: the user's own configuration folders.

    Raises:
        UserError: with the override that does what was meant.
    """
    for section in SECTIONS:
        file = reference.get(section)
        if not isinstance(file, Mapping) or section not in chosen:
            continue
        for key in ("name", "_target_"):
            if key in file and config[section].get(key, file[key]) != file[key]:
                raise UserError(_contradiction(section, key, config[section].get(key), chosen[section], choices(section, folders)))
    size = reference.get("size")
    if isinstance(size, Mapping):
        changed = [key for key in config["size"] if key != "name" and config["size"][key] != size.get(key)]
        config["size"]["name"] = ",".join([config["size"]["name"], *(f"{key}={config['size'][key]}" for key in changed)])


def _contradiction(section: str, key: str, value: Any, choice: str, known: Sequence[str]) -> str:
    word = str(value).rpartition(".")[2] if key == "_target_" else str(value)
    guess = word if word in known else nearest(word, known)
    own = f"a file {section}/<name>.yaml in a folder of your own (--config-dir)"
    remedy = f"write {section}={guess}" if guess and guess != choice else f"write {section}=<name> ({', '.join(known)})"
    return f"{section}.{key}={show(value)} would run {section}={choice} under another name; {remedy}, or {own}"
