"""A configuration is its own arm: names derived from what was overridden, so that two configurations never share one.

``hrm-train optimizer.learning_rate=1e-3`` is the arm ``hrm,learning_rate=0.001``. In a grid only what differs between the jobs is told.
What chooses the model, task, size, seed and machine has a place of its own in the run directory's path, or none.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hrmlab.config.composition import Composer, Composition
from hrmlab.config.per_arm import KEY as PER_ARM
from hrmlab.config.per_arm import leaves
from hrmlab.core.errors import UserError

_OF_AN_ARM = re.compile(r"model\..+|(regime|optimizer|training|objective)(\..+)?|match")
_OF_A_TASK = re.compile(r"data\..+")
_BOOKKEEPING = (
    "training.log_every_steps",
    "training.checkpoint_every_steps",
    "training.checkpoint_every_minutes",
    "training.evaluation_batch_size",
    "training.time_limit_minutes",
)
_LOSSES = "training.loss_terms."
_LONGEST = 100


def overridden(composing: Composer, composition: Composition) -> dict[str, tuple[str, str]]:
    """The keys that were overridden for this run: as given -> (as they stand in the configuration, the value's text)."""
    arm, found = composition.choices.get("model"), {}
    for override in composing.parse(composition.overrides):
        value = override.value()
        pairs = list(leaves(value, override.key_or_group)) if isinstance(value, Mapping) else [(override.key_or_group, value)]
        for given, leaf in pairs:
            key = given
            if given.startswith(f"{PER_ARM}."):
                _, name, key = [*given.split(".", 2), ""][:3]
                if name != arm:
                    continue
            found[given] = key, str(leaf)
    return found


def differing(composing: Composer, compositions: Sequence[Composition]) -> set[str]:
    """The keys, as given, whose values differ between the jobs of a grid."""
    jobs = []
    for composition in compositions:
        flat = {}
        for override in composing.parse(composition.overrides):
            value = override.value()
            flat |= dict(leaves(value, override.key_or_group)) if isinstance(value, Mapping) else {override.key_or_group: value}
        jobs.append({key: str(value) for key, value in flat.items()})
    return {key for job in jobs for key in job if len({other.get(key) for other in jobs}) > 1}


class Naming:
    """What was overridden in one run, as parts of names.

    Args:
        composing: that made the composition.
        composition: of the run.
        among: the keys, as given, that may enter names; None for all whose value is not what it would be without them.
    """

    def __init__(self, composing: Composer, composition: Composition, *, among: Collection[str] | None) -> None:
        self._plain, self._choices = composition.config.to_plain(), composition.choices
        named = {given: key for given, (key, _) in overridden(composing, composition).items() if _named(key)}
        self.given = sorted(set(named.values()))
        self.before = self._without(composing, composition, named) if named else None
        kept = {key for given, key in named.items() if (self._changes(key) if among is None else given in among)}
        self.of_the_arm = sorted((key for key in kept if _OF_AN_ARM.fullmatch(key)), key=_in_order)
        self.of_the_task = sorted(key for key in kept if _OF_A_TASK.fullmatch(key))

    def arm(self) -> str:
        """Such as ``hrm,learning_rate=0.001``."""
        return joined(self._plain["model"]["name"], self._parts(self.of_the_arm))

    def task(self, name: str, keys: Sequence[str]) -> str:
        """Such as ``sudoku_4x4,train_examples=500``."""
        return joined(name, self._parts(keys))

    def _without(self, composing: Composer, composition: Composition, named: Collection[str]) -> Composition | None:
        """What the run would be without these overrides; None where they are needed."""
        words = []
        for override in composing.parse(composition.overrides):
            value, key = override.value(), override.key_or_group
            touched = [given for given, _ in leaves(value, key)] if isinstance(value, Mapping) else [key]
            if not set(touched) & set(named):
                words.append(override.input_line or "")
        try:
            return composing.compose(words)
        except UserError:
            return None

    def _changes(self, key: str) -> bool:
        if self.before is None:
            return True
        return self._value(key) != value_at(self.before.config.to_plain(), self.before.choices, key)

    def _value(self, key: str) -> Any:
        return value_at(self._plain, self._choices, key)

    def _parts(self, keys: Sequence[str]) -> list[str]:
        count = Counter(map(_short, keys))
        names = {key: key if count[_short(key)] > 1 else _short(key) for key in keys}
        return [f"{names[key]}={written(self._value(key))}" for key in keys]


def is_of_an_arm(key: str) -> bool:
    """Whether a key, as overridden, makes another arm of a comparison."""
    return key not in _BOOKKEEPING and bool(_OF_AN_ARM.fullmatch(key))


def value_at(plain: Mapping[str, Any], choices: Mapping[str, str], key: str) -> Any:
    """The value at a dotted key; for a whole section, the choice that fills it."""
    if key in choices:
        return choices[key]
    value: Any = plain
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def joined(name: str, parts: Sequence[str]) -> str:
    """A name and its parts as one folder name; parts that would make it too long are told by their number and a digest."""
    text = ",".join([name, *parts])
    if len(text) <= _LONGEST:
        return text
    return f"{name},{len(parts)}_changes-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def written(value: Any) -> str:
    """A value as part of a folder name."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, (list, tuple)):
        return "+".join(map(written, value)) or "none"
    text = str(value)
    if "/" in text:  # a path, a name on a hub: the last part tells it
        text = Path(text).name.partition(".")[0] or text
    return re.sub(r"[^A-Za-z0-9_.+-]", "-", text)


def _named(key: str) -> bool:
    return is_of_an_arm(key) or (key not in _BOOKKEEPING and bool(_OF_A_TASK.fullmatch(key)))


def _short(key: str) -> str:
    """The last part of a key; of a loss's option (``training.loss_terms.mine.weight``) with the loss, which says what it is of."""
    return key.removeprefix(_LOSSES) if key.startswith(_LOSSES) else key.rpartition(".")[2]


def _in_order(key: str) -> tuple[int, str]:
    section = key.partition(".")[0]
    return ("model", "regime", "optimizer", "training", "objective", "match").index(section), key
