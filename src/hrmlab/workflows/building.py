"""From a configuration to its reasoner: what training, opening and audits share."""

from dataclasses import asdict

from hrmlab.budget.solver import Budget, build_reasoner
from hrmlab.config.configuration import Configuration
from hrmlab.data.task import Task
from hrmlab.models.reasoner import Reasoner


def reasoner_of(config: Configuration, task: Task) -> tuple[Reasoner, Budget]:
    """The freshly initialised reasoner that a configuration describes, for a task, and the account of its size.

    Raises:
        UserError: sizes that do not divide, or a budget that no width meets.
    """
    return build_reasoner(model=config.model.to_section(), task=task.spec, size=asdict(config.size), match=config.match, seed=config.seed)
