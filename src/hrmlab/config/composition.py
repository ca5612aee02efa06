"""One way from overrides to a checked configuration, used by every command: so a sweep and the job it starts agree on each run's hash."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf

from hrmlab.config.location import GROUPS, RECIPES, SECTIONS, choices, config_file, configuration_root
from hrmlab.config.translation import translated
from hrmlab.config.validation import UnknownKey, reject_unknown_root, validate
from hrmlab.core.errors import UserError

VERSION_BASE = "1.3"


@dataclass(frozen=True)
class Composition:
    """What a set of overrides composes to.

    Attributes:
        config: the resolved, checked configuration as plain data.
        overrides: what was asked for, in Hydra's grammar, without Hydra's own keys.
    """

    config: dict[str, Any]
    overrides: list[str]


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep file asks for.

    Attributes:
        multirun: whether it asks for several runs (``hydra.mode: MULTIRUN``).
        grid: ``hydra.sweeper.params``: key -> values in Hydra's grammar.
    """

    multirun: bool
    grid: dict[str, str]


class Composer:
    """Composes configurations; opened with :func:`composer`."""

    def __init__(self, folders: Sequence[str | Path], parser: OverridesParser) -> None:
        self.folders, self._parser = [Path(folder).resolve() for folder in folders], parser

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """The overrides as Hydra understands them.

        Raises:
            UserError: one of them is not in Hydra's grammar.
        """
        with translated(folders=self.folders):
            return self._parser.parse_overrides([protect(word) for word in overrides])

    def compose(self, overrides: Sequence[str]) -> Composition:
        """The checked configuration of one run.

        Raises:
            UserError: unknown key or choice, wrong type or bound, missing or malformed file, malformed override.
        """
        parsed = self.parse(overrides)
        composed = self._compose(parsed)
        kept = [override.input_line or "" for override in parsed if not _is_hydras(override.key_or_group)]
        chosen = dict(composed.hydra.runtime.choices)
        with translated(folders=self.folders):
            plain = OmegaConf.to_container(
                OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"]), resolve=True, throw_on_missing=True
            )
        assert isinstance(plain, dict)
        try:
            return Composition(validate({str(key): value for key, value in plain.items()}), kept)
        except UnknownKey as error:
            raise UserError(f"{error}{self._origin(error.path, kept, chosen)}") from None

    def plan(self, overrides: Sequence[str]) -> SweepPlan:
        """What the overrides' sweep file says of the runs it asks for. The configuration itself is not checked yet.

        Raises:
            UserError: as :meth:`compose`, unknown keys and wrong types excepted.
        """
        hydra = self._compose([override for override in self.parse(overrides) if not override.is_sweep_override()]).hydra
        grid = {str(key): str(value) for key, value in (hydra.sweeper.get("params") or {}).items()}
        return SweepPlan(hydra.mode is not None and hydra.mode.name == "MULTIRUN", grid)

    def _compose(self, parsed: Sequence[Override]) -> DictConfig:
        """Plain ``key=value`` becomes ``++key=value``, so that an unknown key is named by our schema and not by Hydra's struct mode."""
        for override in parsed:
            _check_key(override, self.folders)
        added = [_forced(override) for override in parsed]
        if self.folders:
            added.append(f"hydra.searchpath=[{','.join(quoted(f'file://{folder}') for folder in self.folders)}]")
        with translated(folders=self.folders, overrides=[override.input_line or "" for override in parsed]):
            return compose("train", overrides=added, return_hydra_config=True)

    def _origin(self, path: str, overrides: Sequence[str], chosen: Mapping[str, Any]) -> str:
        """Which file an unknown key stands in; nothing for one from the command line."""
        if any(override.lstrip("+~").partition("=")[0] == path for override in overrides):
            return ""
        for group in (*RECIPES, *SECTIONS):
            name = chosen.get(group)
            file = config_file(group, str(name), self.folders) if name else None
            if file is not None and _holds(file, path.split(".") if group in RECIPES else path.split(".")[1:]):
                return f" (in {_shown(file)})"
        return ""


@contextmanager
def composer(folders: Sequence[str | Path] = ()) -> Iterator[Composer]:
    """A composer over conf/, experiments/, sweeps/ and the user's own configuration folders.

    Raises:
        UserError: one of the folders does not exist.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise UserError(f"--config-dir {folder} is not a folder; give one that holds config groups such as experiments/")
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_dir=str(configuration_root() / "conf"), version_base=VERSION_BASE, job_name="hrmlab"):
        loader: ConfigLoader = GlobalHydra.instance().config_loader()
        yield Composer(folders, OverridesParser.create(config_loader=loader))


def protect(word: str) -> str:
    """Quote a value that holds ``=``, which Hydra's grammar forbids bare and every run directory's path has (``seed=0``)."""
    match = re.fullmatch(r"([+\w.@/]+)=([^'\"\[\]{}(),$]*=[^'\"\[\]{}(),$]*)", word)
    return f"{match[1]}={quoted(match[2])}" if match else word


def quoted(text: str) -> str:
    """A text as one value in Hydra's grammar."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _check_key(override: Override, folders: Sequence[Path]) -> None:
    """What can be said of an override before anything is composed."""
    key, line = override.key_or_group, override.input_line
    if override.is_sweep_override():
        raise UserError(f"{line} gives several values; add -m (--multirun) to run them all")
    if _is_hydras(key):
        return
    group, _, rest = key.partition("/")
    if rest:
        if group in GROUPS:
            raise UserError(f"{key} is not a config group; write {group}={rest}/{override.value()}")
        raise UserError(f"{key} is not a config group; the groups are {', '.join(GROUPS)}")
    if group in GROUPS and not override.is_delete() and not isinstance(override.value(), (str, dict)):
        raise UserError(f"{line} does not name one choice; choices: {', '.join(choices(group, folders))}")
    reject_unknown_root(key.partition(".")[0])


def _forced(override: Override) -> str:
    line = override.input_line or ""
    group = override.key_or_group in GROUPS or "/" in override.key_or_group
    is_value = not group or isinstance(override.value(), dict)
    if override.type == OverrideType.CHANGE and is_value and not _is_hydras(override.key_or_group):
        return f"++{line}"
    return line


def _is_hydras(key: str) -> bool:
    return re.fullmatch(r"hydra([./].*)?", key) is not None


def _holds(file: Path, keys: Sequence[str]) -> bool:
    value: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return bool(keys)


def _shown(file: Path) -> str:
    root = configuration_root()
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
