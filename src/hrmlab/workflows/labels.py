"""What a configured run is called, and that no other configuration is called so."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from hrmlab.config.composition import Composer, Composition
from hrmlab.config.configuration import Configuration
from hrmlab.config.naming import Naming, overridden
from hrmlab.config.per_arm import leaves
from hrmlab.config.values import show
from hrmlab.core.components import Component
from hrmlab.core.errors import UserError
from hrmlab.core.report_keys import REPORT_KEYS
from hrmlab.runs.directory import RunDirectory, RunLabels, config_hash

_OUTCOME_FREE = ("output_root", "resume", "logger", "trainer.progress_bar", "trainer.threads", "python_path", "arm", "task")
_OUTCOME_FREE += ("tuning", *REPORT_KEYS)


def labels_of(config: Configuration) -> RunLabels:
    """Study, task, arm, size and seed of a checked configuration. Builds the data component, which knows the task's name without its data.

    Raises:
        UserError: the data component rejects its parameters, or a label cannot name a folder.
    """
    return RunLabels(
        study=config.study,
        task=config.task or config.data.build().name,
        arm=config.arm or config.model.name,
        size=config.size.name,
        seed=config.seed,
    )


def named(composing: Composer, composition: Composition, *, among: Collection[str] | None = None) -> Configuration:
    """The configuration with the names that its overrides give it, where none were given and the plain ones would not do.

    Args:
        composing: that made the composition.
        composition: of one run.
        among: of a grid, the keys that differ between its jobs; None for a run by itself.
    """
    config, changes = composition.config, {}
    naming = Naming(composing, composition, among=among)
    given = {key for key, _ in overridden(composing, composition).values()}
    if config.arm is None and (naming.of_the_arm or (among is not None and any(not key.startswith("data.") for key in naming.given))):
        changes["arm"] = naming.arm()
    data_keys = [key for key in given if key.startswith("data.")]
    if config.task is None and (naming.of_the_task or (among is not None and data_keys)):
        name = config.data.build().name
        before = None if naming.before is None else naming.before.config.data
        untold = [key for key in naming.of_the_task if not _told(config.data, before, key, name)]
        if untold or among is not None:
            changes["task"] = naming.task(name, untold)
    return replace(config, **changes)


def _told(data: Component, before: Component | None, key: str, name: str) -> bool:
    """Whether the task's own name tells the value of a key: it changes with it."""
    argument = key.removeprefix("data.")
    arguments = {word: value for word, value in data.arguments.items() if word != argument}
    if before is not None and argument in before.arguments:
        arguments[argument] = before.arguments[argument]
    try:
        return replace(data, arguments=arguments).build().name != name
    except (UserError, TypeError):  # the other value does not go with the rest
        return False


def refuse_clash(config: Configuration, labels: RunLabels) -> None:
    """Two configurations never share a name: refuse one whose labels a run of another configuration has.

    A run that failed before its first step has no result that could be taken for another's.

    Raises:
        UserError: what differs, and the two ways out.
    """
    folder = Path(config.output_root, labels.study, labels.task, labels.arm, labels.size, f"seed={labels.seed}")
    plain = config.to_plain()
    hash = config_hash(plain)
    for path in sorted(folder.glob("[!.]*")):
        try:
            run = RunDirectory.open(path)
            if run.hash == hash or _never_began(run):
                continue
            other = Configuration.from_plain(run.config)
        except UserError:
            continue
        if differing := differences(other, config):
            raise UserError(f"{path} is the same arm, {labels.arm}, with another configuration ({differing}); {_REMEDY}")


_REMEDY = "give this one a name with arm=NAME, or keep it apart with study=NAME"


def refuse_namesakes(configs: Sequence[tuple[RunLabels, Configuration]]) -> None:
    """As :func:`refuse_clash`, within one grid.

    Raises:
        UserError: what differs, and the two ways out.
    """
    seen: dict[RunLabels, Configuration] = {}
    for labels, config in configs:
        other = seen.setdefault(labels, config)
        if differing := differences(other, config):
            raise UserError(f"two jobs of the grid are the same arm, {labels.arm}, with different configurations ({differing}); {_REMEDY}")


def differences(one: Configuration, other: Configuration) -> str:
    """The keys that make two configurations different runs, with both values; empty where there are none."""
    before, after = dict(leaves(one.to_plain())), dict(leaves(other.to_plain()))
    keys = [
        key
        for key in after | before
        if before.get(key) != after.get(key) and not any(key == name or key.startswith(f"{name}.") for name in _OUTCOME_FREE)
    ]
    shown = [f"{key}={show(before.get(key))} and {show(after.get(key))}" for key in keys[:3]]
    return ", ".join([*shown, *([f"{len(keys) - 3} more"] if len(keys) > 3 else [])])


def _never_began(run: RunDirectory) -> bool:
    return run.state == "failed" and not run.failure.get("step") and not any((run.path / "checkpoints").glob("*"))
