"""Everything a run needs before it trains: process, task, model, data, and the audits that may refuse it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hrmlab.audits.causality import Causality, audit_causality
from hrmlab.audits.splits import audit_splits
from hrmlab.budget.solver import Budget
from hrmlab.config.configuration import Configuration
from hrmlab.config.schema import Evaluation
from hrmlab.core.errors import UserError
from hrmlab.data.code.overlap import contamination
from hrmlab.data.selection import Curriculum
from hrmlab.data.task import Task
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.scoring import check_sandbox, needs_sandbox, problem_sets
from hrmlab.evaluation.code.trivial import returning_the_argument
from hrmlab.evaluation.several import Several
from hrmlab.evaluation.trivial import trivial_scores
from hrmlab.models.reasoner import Reasoner
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.provenance import provenance
from hrmlab.training.datamodule import TaskDataModule
from hrmlab.training.process import prepare_process
from hrmlab.training.terms.collection import LossTerms
from hrmlab.workflows.building import reasoner_of


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A configured run whose parts are built.

    Attributes:
        world_size: processes that it takes.
        sets: problems that are answered by writing, by the name of their set; empty for tasks without any.
    """

    config: Configuration
    task: Task
    reasoner: Reasoner
    budget: Budget
    data: TaskDataModule
    written: WrittenProblems | None
    sets: dict[str, list[CodeRecord]]
    world_size: int


def prepare(config: Configuration) -> Prepared:
    """Build everything that the configuration names.

    Raises:
        UserError: something in the configuration or the data must be mended first.
    """
    training, trainer = config.training, config.trainer
    world_size = trainer.devices * trainer.num_nodes
    if training.batch_size % world_size:
        nearest = max(1, round(training.batch_size / world_size)) * world_size
        raise UserError(
            f"training.batch_size={training.batch_size} is not divisible by the {world_size} processes of the run; nearest is {nearest}"
        )
    slots, parts = training.batch_size // world_size, training.gradient_accumulation
    if slots % parts:
        fitting = [number for number in range(1, slots + 1) if slots % number == 0]
        raise UserError(
            f"training.gradient_accumulation={parts} does not divide the {slots} slots of a process; "
            f"nearest is {min(fitting, key=lambda number: abs(number - parts))}"
        )
    prepare_process(trainer)
    task: Task = config.data.build()
    reasoner, budget = reasoner_of(config, task)
    LossTerms.of(training.loss_terms).check(reasoner)
    Several.of(config.evaluation).check(task, halts=reasoner.halts)
    curriculum = None
    if training.curriculum_share:
        curriculum = Curriculum(steps=training.steps, share=training.curriculum_share, start=training.curriculum_start)
    data = TaskDataModule(
        task=task,
        seed=config.seed,
        evaluation_batch_size=training.evaluation_batch_size,
        validation_examples=training.validation_examples,
        progress=trainer.progress_bar,
        curriculum=curriculum,
    )
    data.load()
    if curriculum is not None:
        curriculum.check(data.splits.train, data=config.data.name)
    written = written_problems(task, config.evaluation, data_name=config.data.name)
    return Prepared(
        config=config,
        task=task,
        reasoner=reasoner,
        budget=budget,
        data=data,
        written=written,
        sets={} if written is None else problem_sets(written, config.evaluation),
        world_size=world_size,
    )


def written_problems(task: Task, settings: Evaluation, *, data_name: str) -> WrittenProblems | None:
    """What a task lets a model write.

    Raises:
        UserError: problems are asked for and the task has none.
    """
    written = task.written()
    if written is None and settings.problems != "own":
        raise UserError(
            f"evaluation={settings.name} is for code; data={data_name} has none; leave it out, or use a task of code, such as "
            "data=synthetic_code"
        )
    return written


def record_facts(prepared: Prepared, run: RunDirectory) -> None:
    """Write what is known before training: provenance.json, budget.json, data.json, and audit.json where there is none yet.

    What the task's trivial solvers score stands in data.json; a resumed run keeps what it has.

    Raises:
        UserError: an audit refuses the run.
    """
    task, splits = prepared.task, prepared.data.splits
    run.write_json("provenance.json", provenance())
    run.write_json("budget.json", prepared.budget.to_dict())
    about = {**audit_splits(splits, task=task, order_hash=prepared.data.order_hash()), **task.facts()}
    known = (run.read_json("data.json") or {}).get("trivial")
    run.write_json("data.json", about)
    if run.read_json("audit.json") is None:  # a resumed run has been through it
        run.write_json("audit.json", audit(prepared))
    run.write_json("data.json", {**about, "trivial": trivial(prepared) if known is None else known})


def trivial(prepared: Prepared) -> list[dict[str, Any]]:
    """What the task's trivial solvers score on the test split; of tested problems also a program that returns its argument.

    Raises:
        UserError: programs cannot be run safely here.
    """
    found = trivial_scores(prepared.task, prepared.data.splits)
    if prepared.sets and needs_sandbox(prepared.sets, prepared.task.spec):
        first = next(iter(prepared.sets.values()))
        if all(record.test for record in first):
            found.append(returning_the_argument(first, settings=prepared.config.evaluation))
    return found


def audit(prepared: Prepared) -> dict[str, Any]:
    """Causality, where the task is to predict the next token; where programs are written also the sandbox, and contamination.

    Raises:
        UserError: the future shows and ``audit.allow_leak`` is false, or programs cannot be run safely here.
    """
    config, task, found = prepared.config, prepared.task, {}
    if task.spec.next_token and config.audit.causality:
        causality = audit_causality(prepared.reasoner)
        if causality.leaks and not config.audit.allow_leak:
            chosen = prepared.reasoner.sees_future
            raise UserError(refusal(config.model.name, causality, attention=task.spec.attention, chosen=chosen))
        found["causality"] = causality.to_dict()
    if prepared.written is None:
        return found
    if needs_sandbox(prepared.sets, task.spec):
        found["sandbox"] = check_sandbox(config.evaluation)
    if config.audit.contamination:
        found["contamination"] = contamination_of(prepared.written, prepared.sets)
    return found


def contamination_of(written: WrittenProblems, sets: Mapping[str, Sequence[CodeRecord]]) -> dict[str, Any]:
    """What the training text has in common with every evaluation set."""
    return contamination(written.training, sets, templated=[name for name in written.templated if name in sets]).to_dict()


def refusal(model: str, causality: Causality, *, attention: str, chosen: str | None = None) -> str:
    """Why a model that sees the future is not trained, and what to do; ``chosen`` is the option that lets it, where one was chosen."""
    remedy = "use data.attention=causal" if attention == "full" else f"leave out {chosen}" if chosen else "mend the model"
    return (
        f"model={model} sees the future: {causality.leaks[0].sentence()}; {remedy}, or train it all the same with audit.allow_leak=true "
        "(the report will say LEAKS)"
    )
