"""What is checked of every run before it trains: ``audit.json`` of the run directory."""

from collections.abc import Mapping, Sequence
from typing import Any

from hrmlab.audits.causality import Causality, audit_causality
from hrmlab.core.errors import UserError
from hrmlab.data.code.overlap import contamination
from hrmlab.data.code.task import CodeTask
from hrmlab.data.task import Task
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.scoring import check_sandbox, problem_sets
from hrmlab.models.reasoner import Reasoner


def audit_run(config: Mapping[str, Any], *, task: Task, reasoner: Reasoner) -> dict[str, Any]:
    """Causality, where the task is to predict the next token; for code also the sandbox, and contamination of the evaluation sets.

    Raises:
        UserError: the future shows and ``audit.allow_leak`` is false, or programs cannot be run safely here.
    """
    settings, found = config["audit"], {}
    if task.spec.next_token and settings["causality"]:
        causality = audit_causality(reasoner)
        if causality.leaks and not settings["allow_leak"]:
            raise UserError(refusal(config["model"]["name"], causality, attention=task.spec.attention))
        found["causality"] = causality.to_dict()
    if not isinstance(task, CodeTask):
        if config["evaluation"]["problems"] != "own":
            raise UserError(
                f"evaluation={config['evaluation']['name']} is for code; data={config['data']['name']} has none; leave it out, or "
                "use data=synthetic_code"
            )
        return found
    sets = problem_sets(task, config["evaluation"])
    if task.spec.attention == "causal" and any(record.test for records in sets.values() for record in records):
        found["sandbox"] = check_sandbox(config["evaluation"])
    if settings["contamination"]:
        found["contamination"] = _contamination(task, sets)
    return found


def audit_contamination(task: CodeTask, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What the training text has in common with every evaluation set.

    Args:
        task: a code task.
        evaluation: the evaluation section, which may name a further set.
    """
    return _contamination(task, problem_sets(task, evaluation))


def _contamination(task: CodeTask, sets: Mapping[str, Sequence[CodeRecord]]) -> dict[str, Any]:
    templated = [name for name in task.templated_sets if name in sets]
    return contamination(task.written().training, sets, templated=templated).to_dict()


def refusal(model: str, causality: Causality, *, attention: str) -> str:
    """Why a model that sees the future is not trained, and what to do."""
    remedy = "use data.attention=causal" if attention == "full" else "mend the model"
    return (
        f"model={model} sees the future: {causality.leaks[0].sentence()}; {remedy}, or train it all the same with audit.allow_leak=true "
        "(the report will say LEAKS)"
    )
