"""Which arms a study is about: subjects, controls and the baseline are declared in the runs' configurations, never guessed from names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hrmlab.core.errors import UserError

SUBJECT, CONTROL, BASELINE = "subject", "control", "baseline"


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The parts that arms play.

    Attributes:
        baseline: the arm that all others are compared to; None where none is declared or asked for.
        given: whether the reader of the report chose the baseline.
        declared: arm -> its declared role; arms that declare none are left out.
        mixed: arms whose runs declare different roles.
    """

    baseline: str | None
    given: bool
    declared: Mapping[str, str]
    mixed: tuple[str, ...] = ()

    def subjects(self, arms: Iterable[str]) -> tuple[str, ...]:
        """The arms whose merit is in question: those declared so; else those that declare nothing; else all but the baseline."""
        others = [arm for arm in arms if arm != self.baseline]
        chosen = [arm for arm in others if self.declared.get(arm) == SUBJECT]
        return tuple(chosen or [arm for arm in others if arm not in self.declared] or others)

    @property
    def baselines(self) -> tuple[str, ...]:
        """All arms that are declared baselines."""
        return tuple(sorted(arm for arm, role in self.declared.items() if role == BASELINE))


def find_roles(*, study: str, configs: Iterable[tuple[str, Mapping[str, Any]]], arms: Iterable[str], baseline: str | None) -> Roles:
    """The roles that (arm, configuration) pairs declare.

    Args:
        arms: all arms of the study, also those whose configuration cannot be read.
        baseline: the reader's choice, which goes before what is declared.

    Raises:
        UserError: the chosen baseline is no arm of the study.
    """
    said: dict[str, dict[str, None]] = {}
    for arm, config in configs:
        role = _role(config)
        if role is not None:
            said.setdefault(arm, {})[role] = None
    roles = {arm: next(iter(found)) for arm, found in said.items()}
    mixed = tuple(sorted(arm for arm, found in said.items() if len(found) > 1))
    known = sorted(set(arms))
    if baseline is not None:
        chosen = next((arm for arm in known if baseline.replace(",", " ") == arm), None)
        if chosen is None:
            raise UserError(f"baseline={baseline} is no arm of study {study}; its arms are {', '.join(known) or 'none'}")
        return Roles(baseline=chosen, given=True, declared=roles, mixed=mixed)
    found = sorted(arm for arm, role in roles.items() if role == BASELINE)
    return Roles(baseline=found[0] if found else None, given=False, declared=roles, mixed=mixed)


def _role(config: Mapping[str, Any]) -> str | None:
    """The role of the configuration itself; where it leaves that open, its model's."""
    model = config.get("model")
    for value in (config.get("role"), model.get("role") if isinstance(model, Mapping) else None):
        if value in (SUBJECT, CONTROL, BASELINE):
            return str(value)
    return None
