"""From one command with several values to the single-run overrides of each job, by Hydra's own rules."""

from collections.abc import Mapping, Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

from hrmlab.config.composition import Composer, Composition
from hrmlab.config.translation import translated
from hrmlab.config.validation import UnknownKey
from hrmlab.core.errors import UserError


def expand(composer: Composer, overrides: Sequence[str], grid: Mapping[str, str]) -> list[list[str]]:
    """The overrides of every job, the last key varying fastest.

    Args:
        overrides: of the command line; one that names a key of the grid replaces it.
        grid: ``hydra.sweeper.params`` of a sweep file.

    Raises:
        UserError: a value is not in Hydra's grammar, or names a continuous range, which only an optimising sweeper can draw from.
    """
    parsed = composer.parse([f"{key}={value}" for key, value in grid.items()] + list(overrides))
    with translated(folders=composer.folders):
        return BasicSweeper.split_arguments(parsed, max_batch_size=None)[0]


def is_grid(overrides: Sequence[Override]) -> bool:
    """Whether every several-valued override is a list of values (and none a continuous interval)."""
    return all(override.is_discrete_sweep() for override in overrides if override.is_sweep_override())


def compose_all(composer: Composer, jobs: Sequence[Sequence[str]]) -> list[Composition]:
    """Every job of a grid, composed and checked.

    Raises:
        UserError: what is wrong with one of them; where one arm lacks a key that others have, which arm, and how to give it to the others.
    """
    composed: list[Composition] = []
    lacking: list[tuple[str, UnknownKey]] = []
    for words in jobs:
        try:
            composed.append(composer.compose(words))
        except UnknownKey as error:
            lacking.append((_model(composer, words), error))
    if not lacking:
        return composed
    arm, error = lacking[0]
    having = sorted({job.choices["model"] for job in composed} - {arm})
    if not having or not error.path.startswith("model."):
        raise error
    raise UserError(
        f"{error.path} is given for all arms, and model={arm} has no such key; give it to those that have it: "
        + " ".join(f"per_arm.{name}.{error.path}=<value>" for name in having)
    )


def _model(composer: Composer, words: Sequence[str]) -> str:
    return next((str(override.value()) for override in reversed(composer.parse(words)) if override.key_or_group == "model"), "the default")
