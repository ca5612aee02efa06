"""What a model writes after each of its stages of practice, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from hrmlab.core.errors import UserError
from hrmlab.data.code.encoding import prompt_ids
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.completions import write_completions
from hrmlab.evaluation.code.generation import Decoding
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.rl.record import checkpoints_of
from hrmlab.workflows.open_run import load_weights
from hrmlab.workflows.opened import OpenedRun

_BATCH = 64


@dataclass(frozen=True)
class Sample:
    """An answer: what was asked, after which stage, what was written, and whether it is right (None: nobody knows)."""

    prompt: str
    stage: str
    text: str
    right: bool | None


def stage_samples(
    opened: OpenedRun, *, prompt: str | None, count: int, stages: str | None, samples: int, temperature: float, max_new_tokens: int
) -> list[Sample]:
    """Answers to one prompt, or to the first problems of the test split, after every stage that is asked for.

    Args:
        opened: a run that practised; it is left with the weights of the last of these stages.
        prompt: of one's own; None for the test split.
        count: problems of it.
        stages: see :func:`hrmlab.rl.record.checkpoints_of`.
        samples: answers to each, of every stage.
        temperature: 0 for the most likely token.
        max_new_tokens: of an answer.

    Returns:
        by problem, then stage, then sample.

    Raises:
        UserError: the run never practised, has no such stage, or a prompt leaves no room for an answer.
    """
    run, config, written = opened.run, opened.config, opened.task.written()
    if run is None or config is None or written is None:
        raise UserError("this is no run that writes; give the run directory of one, such as of hrm-train objective=grpo")
    files = checkpoints_of(run, stages, rule=config.training.evaluate)
    own = prompt is not None
    records: Sequence[CodeRecord] = (
        [CodeRecord("prompt", prompt, "", "", "", 0, "", "", ())] if prompt is not None else next(iter(written.tests.values()))[:count]
    )
    length = opened.task.spec.sequence_length
    for record in records:
        if (tokens := len(prompt_ids(record.prompt, written.tokenizer))) >= length:
            raise UserError(f"the prompt has {tokens} tokens, and this model can read {length} with its answer; shorten the prompt")
    decoding = Decoding(
        temperature=temperature, top_p=1.0, max_new_tokens=max_new_tokens, halting=False, likelihood=opened.computation.likelihood
    )
    found: dict[tuple[str, str], list[Sample]] = {}
    for stage, file in files.items():
        load_weights(opened.reasoner, load_checkpoint(file))
        opened.computation.prepare()
        completions = write_completions(
            opened.computation,
            records,
            tokenizer=written.tokenizer,
            sequence_length=length,
            decoding=decoding,
            samples=samples,
            stop=(),
            batch_size=_BATCH,
            seed=config.seed,
            device=opened.device,
        )
        for place, item in enumerate(completions):
            record = records[place // samples]
            right = None if own or written.judge is None else written.judge(record, item.completion)
            found.setdefault((record.task_id, stage), []).append(Sample(record.prompt, stage, item.completion, right))
    return [sample for record in records for stage in files for sample in found[record.task_id, stage]]
