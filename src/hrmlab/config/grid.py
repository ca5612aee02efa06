"""From one command with several values to the single-run overrides of each job, by Hydra's own rules."""

from collections.abc import Iterator, Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import Override

from hrmlab.config.composition import Composer, Composition, SweepPlan
from hrmlab.config.translation import translated
from hrmlab.config.validation import UnknownKey
from hrmlab.core.errors import UserError


def expand(composer: Composer, overrides: Sequence[str], plan: SweepPlan) -> list[list[str]]:
    """The overrides of every job: arm by arm where the plan lists them, and within the grid the last key varying fastest.

    Args:
        overrides: of the command line; one that names a key of the grid or of an arm's line replaces it, but ``model`` chooses among the
            lines.
        plan: what the sweep file asks for.

    Raises:
        UserError: a value is not in Hydra's grammar, or names a continuous range, which only an optimising sweeper can draw from; no arm is
            of a model that was asked for.
    """
    jobs: list[list[str]] = []
    for words in each_arm(composer, overrides, plan):
        with translated(folders=composer.folders):
            jobs += BasicSweeper.split_arguments(words, max_batch_size=None)[0]
    return jobs


def is_decided(composer: Composer, overrides: Sequence[str], plan: SweepPlan) -> bool:
    """Whether the command line makes every choice that the sweep file leaves open, so that it describes one run: the command of a job."""
    given = composer.parse(overrides)
    if any(override.is_sweep_override() for override in given):
        return False
    made = {override.key_or_group for override in given}  # a key may be given twice: hrm-sweep adds threads of its own
    left_open = {*plan.grid, *(["model"] if plan.arms else []), *(plan.search.space if plan.search else [])}
    return left_open <= made


def each_arm(composer: Composer, overrides: Sequence[str], plan: SweepPlan) -> Iterator[list[Override]]:
    """For each line of arms (or once, where there is none) the whole grid: the file's, the line's, the command line's.

    Raises:
        UserError: as :func:`expand`.
    """
    grid, given = composer.parse([f"{key}={value}" for key, value in plan.grid.items()]), composer.parse(overrides)
    if not plan.arms:
        yield [*grid, *given]
        return
    asked = {name for override in given if override.key_or_group == "model" for name in _values(override)}
    kept = [override for override in given if override.key_or_group != "model"]
    lines = [composer.parse(words) for words in plan.arms]
    models = [next(str(override.value()) for override in line if override.key_or_group == "model") for line in lines]
    chosen = [line for line, model in zip(lines, models, strict=True) if not asked or model in asked]
    if unknown := sorted(asked - set(models)):
        raise UserError(f"model={unknown[0]} is no arm of this sweep; the models of its arms are {', '.join(dict.fromkeys(models))}")
    for line in chosen:
        yield [*grid, *line, *kept]


def _values(override: Override) -> list[str]:
    """What an override chooses, one value or several."""
    return [str(value) for value in override.sweep_string_iterator()] if override.is_sweep_override() else [str(override.value())]


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
