"""A whole split: every example solved once, counted, and judged by its task."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.example_set import ExampleSet
from hrmlab.data.loading import EvaluationBatch
from hrmlab.data.task import Answers, Task
from hrmlab.evaluation.correctness import correctness
from hrmlab.evaluation.examples import ExampleRecorder
from hrmlab.evaluation.metrics import SplitMetrics
from hrmlab.evaluation.several import Several
from hrmlab.evaluation.solve import SegmentCall, Solution, solve
from hrmlab.evaluation.summary import example_table, values_by_rating


@dataclass(frozen=True, kw_only=True)
class SplitScore:
    """What a split came to.

    Attributes:
        result: as summary.json holds it: ``count``, every measure, ``halting/<measure>``, ``by_rating``; ``segments_cap``, after which all
            are measured, and ``segments_run``, how far ``exact_by_segment`` of the table goes.
        table: one row per example, as predictions.parquet holds them.
        answers: what was said of them, in the same order.
    """

    result: dict[str, Any]
    table: pd.DataFrame
    answers: Answers


class SplitEvaluator:
    """Solves batches and adds them up; one for each process.

    Args:
        task: scores predictions by its own rules.
        halts: whether the model has a halting head.

    Attributes:
        beyond: how many times the segments of training ``exact_by_segment`` is recorded for; measures stay those of training's segments.
        several: answers to each example of which one is taken; by default one.
    """

    def __init__(self, *, task: Task, halts: bool) -> None:
        self.task = task
        nothing = np.zeros((0, task.spec.sequence_length), dtype=np.int64)
        self._names = tuple(task.score(nothing, nothing, nothing))
        self.metrics = SplitMetrics(scores=self._names, halts=halts)
        self.beyond = 1
        self.several = Several()
        self._recorder: ExampleRecorder | None = None
        self._segments = (0, 0)

    def record_examples(self) -> None:
        """Keep the outcome of every example from here on, for :meth:`score`."""
        self._recorder = ExampleRecorder()

    @torch.no_grad()
    def add(self, call: SegmentCall, batch: EvaluationBatch) -> None:
        """Solve a batch and count it; padding rows are dropped before anything is counted."""
        kept = batch.rows >= 0
        chosen: Tensor | None = None
        if self.several.alone:
            solution = solve(call, batch.examples, beyond=self.beyond).select(kept)
        else:
            solution, chosen = self.several.solve(call, batch.examples, self.task, beyond=self.beyond)
            solution, chosen = solution.select(kept), chosen[kept]
        self._segments = (call.max_segments, len(solution.exact_by_segment))
        self.count(Batch(*(part[kept] for part in batch.examples)), batch.rows[kept], solution, chosen)

    def count(self, examples: Batch, rows: Tensor, solution: Solution, chosen: Tensor | None = None) -> None:
        """Count what was answered to B examples, their rows (B,) in the split; ``chosen`` (B,), which of several answers it was."""
        scores = self._scores(examples, solution)
        self.metrics.update(
            fixed=correctness(solution.answers, examples.labels),
            halting=correctness(solution.halting_answers, examples.labels),
            copied=correctness(solution.answers, torch.where(examples.labels == IGNORED_LABEL, IGNORED_LABEL, examples.inputs)),
            copying=correctness(examples.inputs, examples.labels),
            segments=solution.segments,
            believed=solution.believed,
            scores=scores,
        )
        if self._recorder is not None:
            further = (
                {} if chosen is None else {"view": chosen // self.several.trajectories, "trajectory": chosen % self.several.trajectories}
            )
            self._recorder.add(rows, examples.labels, solution, {**scores, **further})

    def _scores(self, examples: Batch, solution: Solution) -> dict[str, Tensor]:
        """The task's own verdicts on both answers, ``name`` and ``halting/name``."""
        if not self._names:
            return {}
        asked: tuple[np.ndarray, np.ndarray] = examples.inputs.cpu().numpy(), examples.labels.cpu().numpy()
        fixed = self.task.score(*asked, solution.answers.cpu().numpy())
        halting = self.task.score(*asked, solution.halting_answers.cpu().numpy())
        verdicts = {**fixed, **{f"halting/{name}": values for name, values in halting.items()}}
        return {name: torch.from_numpy(values).to(examples.inputs.device) for name, values in verdicts.items()}

    def score(self, examples: ExampleSet, *, means: dict[str, float], world_size: int = 1) -> SplitScore:
        """The split's score, the same on every process.

        Args:
            examples: the split.
            means: what ``metrics.compute()`` gave.
            world_size: processes that shared the split.
        """
        assert self._recorder is not None
        columns = self._recorder.columns(world_size=world_size)
        answers = Answers(columns["answer"], columns["halting_answer"], columns["confidence"])
        judgement = self.task.judge(examples.select(columns["index"]), answers)
        table = example_table(columns, examples, self.task).assign(**judgement.columns)
        count = len(table) if judgement.count is None else judgement.count
        segments = dict(zip(("segments_cap", "segments_run"), self._segments, strict=True))
        several = {} if self.several.alone else {"several": asdict(self.several)}
        result = {
            "count": count,
            **segments,
            **several,
            **({} if count == len(table) else {"examples": len(table)}),
            **means,
            **judgement.measured,
        }
        columns_of = {measure.name: measure.column or "" for measure in self.task.measures if measure.unit == "share"}
        shown = {name: column for name, column in columns_of.items() if column in table}
        halting = {f"halting/{name}": f"{column}_halting" for name, column in shown.items() if f"{column}_halting" in table}
        return SplitScore(result={**result, "by_rating": values_by_rating(table, {**shown, **halting})}, table=table, answers=answers)
