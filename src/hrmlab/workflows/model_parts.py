"""Whether a configuration speaks of parts that its model has, found out without memory or data."""

import torch

from hrmlab.config.configuration import Configuration
from hrmlab.data.task import Task
from hrmlab.training.parts import parts_with_rates
from hrmlab.workflows.building import reasoner_of


def check_parts(config: Configuration) -> None:
    """Look for the parts of the model that ``optimizer.learning_rates`` names.

    Raises:
        UserError: the model has no such part, or cannot be built as configured.
    """
    task: Task = config.data.build()
    with torch.device("meta"):
        reasoner, _ = reasoner_of(config, task)
    parts_with_rates(reasoner, config.optimizer.arguments["learning_rates"])
