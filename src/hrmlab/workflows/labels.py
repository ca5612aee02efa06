"""What a configured run is called."""

from hrmlab.config.configuration import Configuration
from hrmlab.runs.directory import RunLabels


def labels_of(config: Configuration) -> RunLabels:
    """Study, task, arm, size and seed of a checked configuration. Builds the data component, which knows the task's name without its data.

    Raises:
        UserError: the data component rejects its parameters, or a label cannot name a folder.
    """
    return RunLabels(
        study=config.study,
        task=config.task or config.data.build().spec.name,
        arm=config.arm or config.model.name,
        size=config.size.name,
        seed=config.seed,
    )
