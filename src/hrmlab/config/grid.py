"""From one command with several values to the single-run overrides of each job, by Hydra's own rules."""

from collections.abc import Mapping, Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

from hrmlab.config.composition import Composer
from hrmlab.config.translation import translated


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
