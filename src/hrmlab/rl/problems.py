"""The problems of a stage, and whether stages fit the task and each other: known before anything is trained."""

from collections.abc import Sequence

from hrmlab.config.schema import Objective, Stage
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.data.code.encoding import prompt_ids
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord
from hrmlab.rl.scoring import Scorer

TRAINING = "training"
"""What a stage practises on where it takes the problems of the supervised training."""


def problems_of(written: WrittenProblems, stage: Stage, *, name: str, seed: int, held_out: int | None = None) -> Sequence[CodeRecord]:
    """The problems that a stage practises on; with ``held_out`` so many of the same kind that it does not.

    Raises:
        UserError: the task has no such problems, or not so many.
    """
    if stage.problems == TRAINING:
        if held_out:
            return list(next(iter(written.tests.values())))[:held_out]
        records = list(written.training)[: stage.examples]
        if len(records) < stage.examples:
            raise UserError(
                f"objective.stages.{name}.examples={stage.examples} is more than the {len(records)} training problems of the task; "
                "ask for fewer"
            )
        return records
    if written.practice is None:
        raise UserError(
            f"objective.stages.{name}.problems={stage.problems}: the task has no problems to practise on but those of its training; "
            f"use objective.stages.{name}.problems={TRAINING}, or data=worked_problems"
        )
    return written.practice(stage.problems, held_out or stage.examples, seed, held_out is not None)


def steps_of(stage: Stage, objective: Objective) -> int:
    """Optimizer steps of a stage."""
    return stage.examples * stage.epochs // _problems_in_a_step(objective)


def check_stages(objective: Objective, written: WrittenProblems, task: TaskSpec, *, seed: int) -> None:
    """Refuse stages that could not be gone through.

    Raises:
        UserError: sizes that do not fit each other, an unknown reward or kind of problem, or a prompt that leaves no room for an answer.
    """
    in_a_step = _problems_in_a_step(objective)
    for name in objective.order:
        stage = Stage(**objective.stages[name])
        if not stage.rewards:
            raise UserError(f"objective.stages.{name}.rewards is empty; give at least one, such as {{answer: 1.0}}")
        Scorer(list(stage.rewards))
        if (shown := stage.examples * stage.epochs) % in_a_step:
            raise UserError(
                f"objective.stages.{name}: {stage.examples} examples in {stage.epochs} epochs are {shown} problems, and a step takes "
                f"{in_a_step}; make objective.stages.{name}.examples a multiple of {in_a_step}"
            )
        held_out = problems_of(written, stage, name=name, seed=seed, held_out=objective.held_out_problems)
        for record in (*problems_of(written, stage, name=name, seed=seed), *held_out):
            if (tokens := len(prompt_ids(record.prompt, written.tokenizer))) >= task.sequence_length:
                raise UserError(
                    f"the prompt of {record.task_id}, of objective.stages.{name}, has {tokens} tokens, and the model can read "
                    f"{task.sequence_length} with its answer; raise data.sequence_length, or practise on shorter problems"
                )


def _problems_in_a_step(objective: Objective) -> int:
    answers = objective.batch_size * objective.gradient_accumulation
    if answers % objective.generations:
        fitting = -(-answers // objective.generations) * objective.generations
        raise UserError(
            f"objective.batch_size={objective.batch_size} times objective.gradient_accumulation={objective.gradient_accumulation} is "
            f"{answers} answers in a step, no multiple of objective.generations={objective.generations}; make it {fitting}"
        )
    return answers // objective.generations
