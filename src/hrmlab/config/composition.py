"""One way from overrides to a checked configuration, used by every command: so a sweep and the job it starts agree on each run's hash."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf

import hrmlab.config.interpolation  # noqa: F401 - makes ${half:...} known
from hrmlab.config import per_arm, tuning
from hrmlab.config.chosen import label_sections
from hrmlab.config.configuration import Configuration
from hrmlab.config.hydra_composition import compose_with_memory, memory_of
from hrmlab.config.location import GROUPS, LAUNCHER, RECIPES, SECTIONS, SEVERAL, choices, config_file, configuration_root
from hrmlab.config.loss_terms import targets_of
from hrmlab.config.python_path import holds_any, make_importable
from hrmlab.config.search import KEY as SEARCH
from hrmlab.config.search import Search, read_search
from hrmlab.config.translation import translated
from hrmlab.config.validation import UnknownKey, reject_unknown_root, validate
from hrmlab.config.values import show
from hrmlab.core.errors import UserError
from hrmlab.core.yaml_text import parse_yaml

VERSION_BASE = "1.3"
ARMS = "arms"
"""Of a sweep file, beside its grid: a line of overrides for each arm."""


@dataclass(frozen=True)
class Composition:
    """What a set of overrides composes to.

    Attributes:
        config: the resolved, checked configuration.
        overrides: what was asked for, in Hydra's grammar, without Hydra's own keys.
        choices: section -> the file that fills it.
        experiment: the chosen experiment; without one the task's file.
    """

    config: Configuration
    overrides: list[str]
    choices: Mapping[str, str]
    experiment: str


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep file asks for.

    Attributes:
        multirun: whether it asks for several runs (``hydra.mode: MULTIRUN``).
        grid: ``hydra.sweeper.params``: key -> values in Hydra's grammar.
        arms: ``arms``: the overrides that make each arm; empty where the grid alone says what the arms are.
        search: ``search``: the keys that are tuned; None for a sweep that tunes nothing.
    """

    multirun: bool
    grid: dict[str, str]
    arms: tuple[tuple[str, ...], ...] = ()
    search: Search | None = None


class Composer:
    """Composes configurations; opened with :func:`composer`."""

    def __init__(self, folders: Sequence[str | Path], parser: OverridesParser) -> None:
        self.folders, self._parser = [Path(folder).resolve() for folder in folders], parser
        self._memory = memory_of(self.folders)
        for folder in self.folders:
            make_importable(folder)

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
        chosen = {str(group): str(choice) for group, choice in composed.hydra.runtime.choices.items() if choice is not None}
        with translated(folders=self.folders):
            tuned = tuning.with_tuned_values(composed, chosen, [override.key_or_group for override in parsed])
            values = [override.key_or_group for override in parsed if not _chooses(override)]
            asked, own = per_arm.with_own_values(tuned, chosen, self.folders, values)
            kept_keys = [str(key) for key in asked if key not in ("hydra", ARMS, SEARCH)]
            plain = OmegaConf.to_container(OmegaConf.masked_copy(asked, kept_keys), resolve=True, throw_on_missing=True)
        assert isinstance(plain, dict)
        try:
            checked = validate({str(key): value for key, value in plain.items()})
        except UnknownKey as error:
            origin = f" (in {per_arm.KEY}.{chosen['model']})" if error.path in own else self._origin(error.path, kept, chosen)
            raise UnknownKey(error.path, f"{error}{origin}") from None
        sections = {section: chosen[section] for section in SECTIONS if section in chosen}
        alone = [] if any(group in chosen for group in RECIPES) else [override for override in parsed if _chooses(override)]
        label_sections(checked, self._as_files_say(sections, alone), sections, self.folders)
        return Composition(self._where_classes_lie(Configuration.from_plain(checked)), kept, sections, tuning.experiment_of(chosen))

    def remember(self, overrides: Sequence[str]) -> list[str]:
        """Have the files read that these overrides choose, for the processes that are to be forked from this one.

        Returns:
            The dotted paths of the classes that the files name.

        Raises:
            UserError: as :meth:`compose`, for what is wrong with the choices.
        """
        composed = self._compose([override for override in self.parse(overrides) if _chooses(override)])
        chosen = composed.hydra.runtime.choices
        said = self._as_files_say({section: str(chosen[section]) for section in SECTIONS if chosen.get(section) is not None})
        return [str(section["_target_"]) for section in said.values() if isinstance(section, Mapping) and "_target_" in section]

    def _as_files_say(self, sections: Mapping[str, str], alone: Sequence[Override] = ()) -> dict[str, Any]:
        """The chosen sections without any override, unresolved; ``alone`` makes the same choices, where no recipe has a say: it is read."""
        words, said = tuple(f"{section}={quoted(choice)}" for section, choice in sections.items()), self._memory.said
        # A file of the package speaks of its own section alone; what one of a user's says may depend on the others that are chosen.
        keys = {section: words if self.folders else word for section, word in zip(sections, words, strict=True)}
        if any((section, key) not in said for section, key in keys.items()):
            plain = OmegaConf.to_container(self._compose(alone or self.parse(words)), resolve=False)
            assert isinstance(plain, dict)
            said.update({(section, key): plain.get(section) for section, key in keys.items()})
        return {section: said[section, key] for section, key in keys.items()}

    def _where_classes_lie(self, config: Configuration) -> Configuration:
        """The configuration with the user's own folder, where it names a class from there, so that the run can be opened without it."""
        targets = [component.target for component in (config.model, config.data, config.optimizer)]
        targets += targets_of({"loss_terms": config.training.loss_terms})
        folder = next((folder for folder in self.folders if holds_any(folder, targets)), None)
        return config if folder is None else replace(config, python_path=str(folder))

    def plan(self, overrides: Sequence[str]) -> SweepPlan:
        """What the overrides' sweep file says of the runs it asks for. The configuration itself is not checked yet.

        Raises:
            UserError: as :meth:`compose`, unknown keys and wrong types excepted.
        """
        composed = self._compose([override for override in self.parse(overrides) if not override.is_sweep_override()])
        hydra = composed.hydra
        grid = {str(key): str(value) for key, value in (hydra.sweeper.get("params") or {}).items()}
        asked = read_search(composed.get(SEARCH), self.parse)
        several = (hydra.mode is not None and hydra.mode.name == "MULTIRUN") or asked is not None
        return SweepPlan(several, grid, _arms(composed.get(ARMS)), asked)

    def _compose(self, parsed: Sequence[Override]) -> DictConfig:
        """Plain ``key=value`` becomes ``++key=value``, so that an unknown key is named by our schema and not by Hydra's struct mode."""
        for override in parsed:
            _check_key(override, self.folders)
        path = [f"hydra.searchpath=[{','.join(quoted(f'file://{folder}') for folder in self.folders)}]"] if self.folders else []
        choosing = [override for override in parsed if _chooses(override)]
        values = [override for override in parsed if not _chooses(override)]
        with translated(folders=self.folders, overrides=[override.input_line or "" for override in parsed]):
            if all(override.type == OverrideType.CHANGE and not _is_hydras(override.key_or_group) for override in parsed):
                return compose_with_memory(self._memory, [*(override.input_line or "" for override in choosing), *path], values)
            return compose("train", overrides=[*map(_forced, parsed), *path], return_hydra_config=True)

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


def _arms(value: Any) -> tuple[tuple[str, ...], ...]:
    """The lines of ``arms``, each as its overrides.

    Raises:
        UserError: it is no list of lines, or a line chooses no model.
    """
    lines = [] if value is None else OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise UserError(f"{ARMS}={show(lines)} is no list of lines; write one line for each arm, such as 'model=hrm model.gradient=full'")
    arms = []
    for line in lines:
        words = tuple(shlex.split(line))
        if not any(word.startswith("model=") for word in words):
            raise UserError(f"{ARMS}: the line {line!r} chooses no model; begin it with model=<name>")
        arms.append(words)
    return tuple(arms)


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
    """Quote a value that holds ``=``, which Hydra's grammar forbids bare and every run directory's path has (``seed=0``).

    The path of a run to go on with may hold commas too (the arm ``hrm,segments=1``); elsewhere they divide the values of a grid.
    """
    if match := re.fullmatch(r"(resume|extend)=([^'\"]*[=,][^'\"]*)", word):
        return f"{match[1]}={quoted(match[2])}"
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
    if group in GROUPS and not override.is_delete() and not _names_choices(group, override.value()):
        raise UserError(f"{line} does not name one choice; choices: {', '.join(choices(group, folders))}")
    if key == "extend":
        raise UserError(f"{line} starts one run from the end of another; give it to hrm-train, without -m (--multirun)")
    if key.partition(".")[0] == LAUNCHER:
        raise UserError(f"{line} says how hrm-sweep starts its jobs; leave it out here (several processes of one run: srun hrm-train ...)")
    if key.partition(".")[0] not in (per_arm.KEY, SEARCH):
        reject_unknown_root(key.partition(".")[0])


def _names_choices(group: str, value: Any) -> bool:
    if group in SEVERAL and isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, dict))


def _forced(override: Override) -> str:
    line = override.input_line or ""
    if override.type == OverrideType.CHANGE and not _chooses(override) and not _is_hydras(override.key_or_group):
        return f"++{line}"
    return line


def _chooses(override: Override) -> bool:
    """Whether it chooses a file of a group (``model=hrm``) instead of giving a value."""
    group = override.key_or_group in GROUPS or "/" in override.key_or_group
    return group and not isinstance(override.value(), dict)


def _is_hydras(key: str) -> bool:
    return re.fullmatch(r"hydra([./].*)?", key) is not None


def _holds(file: Path, keys: Sequence[str]) -> bool:
    value: Any = parse_yaml(file.read_text(encoding="utf-8"))
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return bool(keys)


def _shown(file: Path) -> str:
    root = configuration_root()
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
