"""Which arms a study is about: subjects, controls and the baseline are declared in the runs' configurations, never guessed from names."""

from collections.abc import Iterable, Mapping, Sequence
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
        asks: what the study asks, in its own words: arms, or pairs of them; empty: its subjects against every control and baseline.
        margin: a difference below this, in points, is none worth having.
        is_torn: whether runs declare different questions or margins; the first that any of them declares is then taken.
    """

    baseline: str | None
    given: bool
    declared: Mapping[str, str]
    mixed: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    margin: float = 5.0
    is_torn: bool = False

    def subjects(self, arms: Iterable[str]) -> tuple[str, ...]:
        """The arms whose merit is in question: those declared so; else those that declare nothing; else all but the baseline."""
        others = [arm for arm in arms if arm != self.baseline]
        chosen = [arm for arm in others if self.declared.get(arm) == SUBJECT]
        return tuple(chosen or [arm for arm in others if arm not in self.declared] or others)

    def asked_pairs(self, arms: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """(arm, opponent) of every comparison that the study asks for; all others are exploratory.

        Args:
            arms: of the study, in its order.
        """
        subjects = self.subjects(arms)
        opponents = [arm for arm in arms if arm not in subjects]
        if not self.asks:
            return tuple((arm, opponent) for arm in subjects for opponent in opponents)
        found: dict[tuple[str, str], None] = {}
        for asked in self.asks:
            if asked in arms:
                found.update({(asked, opponent): None for opponent in arms if opponent != asked and self._is_measure_of(opponent, arms)})
            elif (pair := _pair(asked, arms)) is not None:
                found[pair] = None
        return tuple(found)

    def unknown_asks(self, arms: Sequence[str]) -> tuple[str, ...]:
        """What is asked about arms that the study does not have."""
        return tuple(asked for asked in self.asks if asked not in arms and _pair(asked, arms) is None)

    def _is_measure_of(self, opponent: str, arms: Sequence[str]) -> bool:
        return opponent == self.baseline or self.declared.get(opponent) in (CONTROL, BASELINE) or opponent not in self.subjects(arms)

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
    configs = list(configs)
    asks, margin, is_torn = _questions([config for _, config in configs])
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
        return Roles(baseline=chosen, given=True, declared=roles, mixed=mixed, asks=asks, margin=margin, is_torn=is_torn)
    found = sorted(arm for arm, role in roles.items() if role == BASELINE)
    first = found[0] if found else None
    return Roles(baseline=first, given=False, declared=roles, mixed=mixed, asks=asks, margin=margin, is_torn=is_torn)


def _questions(configs: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], float, bool]:
    """``asks`` and ``margin`` of the configurations, and whether they differ; runs older than the keys have none."""
    said: dict[tuple[tuple[str, ...], float], None] = {}
    for config in configs:
        asks, margin = config.get("asks"), config.get("margin")
        if not isinstance(margin, (int, float)) or isinstance(margin, bool) or not margin > 0:
            continue
        asks = asks if isinstance(asks, list) else []
        said[tuple(str(asked).replace(",", " ") for asked in asks), float(margin)] = None
    asked, limit = next(iter(said), ((), 5.0))
    return asked, limit, len(said) > 1


def _pair(asked: str, arms: Sequence[str]) -> tuple[str, str] | None:
    """``hrm-transformer`` as (hrm, transformer); arms may have hyphens of their own. None where the study lacks one of them."""
    parts = asked.split("-")
    cut = [("-".join(parts[:place]).strip(), "-".join(parts[place:]).strip()) for place in range(1, len(parts))]
    return next((pair for pair in cut if pair[0] in arms and pair[1] in arms and pair[0] != pair[1]), None)


def _role(config: Mapping[str, Any]) -> str | None:
    """The role of the configuration itself; where it leaves that open, its model's."""
    model = config.get("model")
    for value in (config.get("role"), model.get("role") if isinstance(model, Mapping) else None):
        if value in (SUBJECT, CONTROL, BASELINE):
            return str(value)
    return None
