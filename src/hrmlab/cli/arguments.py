"""What the commands' arguments have in common: a parser that answers in sentences, and KEY=VALUE words."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hrmlab.core.errors import UserError

_TEXTS = ("path", "hub_name")


class SentenceParser(ArgumentParser):
    """Complains as everything else does: one sentence, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def key_values(
    arguments: Sequence[str], *, keys: Sequence[str], sections: Mapping[str, Sequence[str] | None] | None = None
) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """The command's own keys as text, and its changes to sections of a configuration as values.

    Args:
        arguments: ``key=value`` words.
        keys: the command's own.
        sections: names of sections, each with the keys that it takes; None: any, to be checked with the section.

    Raises:
        UserError: not key=value, an unknown or repeated key, an empty value, or one that cannot be read.
    """
    sections = sections or {}
    own: dict[str, str] = {}
    changes: dict[str, dict[str, Any]] = {section: {} for section in sections}
    known = [*keys, *(f"{section}.{name}" for section, names in sections.items() for name in names or ("*",))]
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise UserError(
                f"{argument!r} is not KEY=VALUE; keys are {', '.join(known)}, for example {known[0]}={argument.lstrip('-') or 'quick'}"
            )
        section, _, name = key.partition(".")
        if key in own or name in changes.get(section, {}):
            raise UserError(f"{key} is given twice")
        if key in keys:
            if not value:
                raise UserError(f"{key}= has no value")
            own[key] = value
        elif name and section in sections and ((names := sections[section]) is None or name in names):
            changes[section][name] = value if name.endswith(_TEXTS) else _value(key, value)
        else:
            from hrmlab.config.values import nearest

            guess = nearest(key, known)
            raise UserError(f"unknown key {key}; " + (f"did you mean {guess}? " if guess else "") + f"keys are {', '.join(known)}")
    return own, changes


def whole_number(own: Mapping[str, str], key: str, default: int) -> int:
    """The value of a key of the command's own, a whole number above 0; ``default`` where it is not given.

    Raises:
        UserError: it is none.
    """
    if key not in own:
        return default
    if not own[key].isdecimal() or int(own[key]) < 1:
        raise UserError(f"{key}={own[key]} is not a whole number above 0")
    return int(own[key])


def _value(key: str, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{key}={text} cannot be read as a value; quote it: '{key}=\"...\"'") from None
