"""How well a model answers problems that it never practised: the test splits, and problems of a stage's own kind."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from hrmlab.config.schema import Objective
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.data.written.record import CodeRecord
from hrmlab.evaluation.code.completions import write_completions
from hrmlab.evaluation.code.generation import Decoding
from hrmlab.models.precision import Computation
from hrmlab.rl.scoring import Scorer

_BATCH = 256


class Examiner:
    """Lets a model answer, each token the most likely one.

    Args:
        computation: the reasoner in its precision.
        written: of its task.
        objective: how many problems, how long an answer may be.
        device: where the reasoner is.
    """

    def __init__(self, computation: Computation, written: WrittenProblems, objective: Objective, *, device: torch.device) -> None:
        self._computation, self._written, self._objective, self._device = computation, written, objective, device

    def answers(self, records: Sequence[CodeRecord], *, longest: int) -> list[str]:
        """What the model writes for each problem."""
        task = self._computation.reasoner.task
        decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=longest, halting=False, likelihood=self._computation.likelihood)
        written = write_completions(
            self._computation,
            records,
            tokenizer=self._written.tokenizer,
            sequence_length=task.sequence_length,
            decoding=decoding,
            samples=1,
            stop=(),
            batch_size=_BATCH,
            seed=0,
            device=self._device,
        )
        return [item.completion for item in written]

    def tests(self) -> dict[str, dict[str, Any]]:
        """Answer accuracy on the first problems of every test split whose answers are verified, by its name."""
        found = {}
        for name, records in self._written.tests.items():
            asked = records[: self._objective.held_out_problems]
            if self._written.judge is None or any(record.test for record in asked):
                continue
            texts = self.answers(asked, longest=self._objective.max_completion_tokens)
            right = [self._written.judge(record, text) for record, text in zip(asked, texts, strict=True)]
            found[name] = {"count": len(asked), "right": sum(right), "accuracy": sum(right) / len(right)}
        return found

    def rewards(self, records: Sequence[CodeRecord], weights: Mapping[str, float], scorer: Scorer, *, longest: int) -> "Rewarded":
        """The rewards of the answers to these problems."""
        texts = self.answers(records, longest=longest)
        scores = {name: scorer.score(name, records, texts) for name in weights}
        rows = [
            {"task_id": record.task_id, "prompt": record.prompt, "completion": text, **{name: scores[name][place] for name in scores}}
            for place, (record, text) in enumerate(zip(records, texts, strict=True))
        ]
        means = {name: sum(values) / len(values) for name, values in scores.items()}
        return Rewarded({"reward": sum(weights[name] * value for name, value in means.items()), **means}, rows)


class Rewarded(NamedTuple):
    """Mean rewards by name with their weighted sum, ``reward``; and a row for each answer."""

    means: dict[str, float]
    rows: list[dict[str, Any]]
