"""Turns the errors of Hydra, OmegaConf and YAML into one sentence that names field, value and remedy."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, OmegaConfBaseException

from hrmlab.config.location import GROUPS, RECIPES, choices, config_file, configuration_root
from hrmlab.config.values import nearest
from hrmlab.core.errors import UserError


@contextmanager
def translated(*, folders: Sequence[Path] = (), overrides: Sequence[str] = ()) -> Iterator[None]:
    """Whatever composition raises inside comes out as a UserError."""
    try:
        yield
    except UserError:
        raise
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(sentence(error, folders=folders, overrides=overrides)) from None
    except OSError as error:
        if not str(error.filename).endswith(".yaml"):
            raise
        raise UserError(f"{_shown(str(error.filename))} cannot be read: {error.strerror}") from None


def sentence(error: BaseException, *, folders: Sequence[Path] = (), overrides: Sequence[str] = ()) -> str:
    """One line for a person."""
    cause = _innermost(error)
    if isinstance(cause, OverrideParseException):
        return _of_grammar(cause)
    if isinstance(cause, MissingConfigException):
        return _of_missing_file(cause, folders, overrides)
    if isinstance(cause, yaml.MarkedYAMLError):
        mark = cause.problem_mark or cause.context_mark
        where = f"{_shown(mark.name)}, line {mark.line + 1}" if mark else "a configuration file"
        return f"{where}: not readable as YAML: {_one_line(cause.problem or str(cause))}"
    if isinstance(cause, MissingMandatoryValue):
        key = _full_key(cause)
        return f"{key} is missing; give it with {key}=<value>"
    if isinstance(cause, InterpolationResolutionError):
        if match := re.search(r"UserError raised while resolving interpolation: (.+)", _first_line(cause)):
            return f"{_full_key(cause)}: {match[1]}, or {_full_key(cause)}=<value> itself"
        return f"{_full_key(cause)} cannot be resolved: {_first_line(cause)}; set what it refers to, or override {_full_key(cause)}"
    if isinstance(cause, UnicodeDecodeError):
        return "a configuration file is not UTF-8 text; save it as UTF-8"
    return _of_composition(cause, folders)


def _innermost(error: BaseException) -> BaseException:
    """The error that says most: the OmegaConf or YAML error under Hydra's wrapping."""
    while isinstance(error.__cause__, (HydraException, OmegaConfBaseException, yaml.YAMLError)):
        error = error.__cause__
    return error


def _of_grammar(error: OverrideParseException) -> str:
    text = error.override
    if "=" not in text and not text.startswith("~"):
        return f"{text!r} is not an override; write key=value, for example training.steps=100"
    problem = _one_line(str(error).removeprefix(f"Error parsing override '{text}'").strip().splitlines()[0])
    return f"the override {text!r} cannot be read: {problem}; quote special characters: 'key=\"value\"'"


def _of_missing_file(error: MissingConfigException, folders: Sequence[Path], overrides: Sequence[str]) -> str:
    missing = (error.missing_cfg_file or "").removesuffix(".yaml")
    group = next((name for name in GROUPS if missing.startswith(f"{name}/")), None)
    if group is None:
        group, _, name = missing.rpartition("/")
        known = sorted(error.options or [])
    else:
        name = missing.removeprefix(f"{group}/")
        known = choices(group, folders)
    offered = f"choices: {', '.join(known)}" if known else "it has no choices"
    guess = nearest(name, known)
    where = _recipe_that_names(name, folders, overrides) if f"{group}={name}" not in overrides else ""
    return f"{group}={name} does not exist{where}; {f'did you mean {guess}? ' if guess else ''}{offered}"


def _recipe_that_names(name: str, folders: Sequence[Path], overrides: Sequence[str]) -> str:
    """In which of the chosen recipe files a name stands: Hydra itself only says which file was composed."""
    for override in overrides:
        group, _, choice = override.lstrip("+").partition("=")
        file = config_file(group, choice, folders) if group in RECIPES else None
        if file is not None and name in file.read_text(encoding="utf-8"):
            return f" (in {_shown(str(file))})"
    return ""


def _of_composition(error: BaseException, folders: Sequence[Path]) -> str:
    text = _first_line(error)
    if match := re.match(r"Could not (?:override|delete|append)[^']*'([^']+)'", text):
        key = match[1].split("@")[0]
        if key in GROUPS:
            return f"{key} is chosen already; write {key}=<name> without + ({', '.join(choices(key, folders))})"
    if "appears more than once in the final defaults list" in text:
        return f"{text.split()[0]} is chosen twice; write {text.split()[0]}=<name> once, without +"
    if "Multiple values for" in text or "more than one value" in text:
        return f"{text.rstrip('.')}; keep one"
    key = getattr(error, "full_key", None)
    return f"{key}: {text.rstrip('.')}" if key and key not in text else text.rstrip(".")


def _full_key(error: OmegaConfBaseException) -> str:
    return str(error.full_key or error.key or "a value")


def _first_line(error: BaseException) -> str:
    lines = (str(error).strip() or type(error).__name__).splitlines()
    if match := re.match(r"(In '[^']+'): \w+ raised while composing config:$", lines[0]):
        return _one_line(": ".join([match[1], *lines[1:2]]))
    return _one_line(lines[0])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shown(name: str) -> str:
    root = configuration_root()
    path = Path(name)
    return str(path.relative_to(root)) if path.is_relative_to(root) else name
