"""Scores a trained run on every split and every set of problems."""

import io
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hrmlab.core.measures import counting
from hrmlab.data.example_set import ExampleSet
from hrmlab.evaluation.code.judged import declared
from hrmlab.evaluation.code.scoring import SetScore, Writer
from hrmlab.evaluation.several import Several
from hrmlab.evaluation.split import SplitScore
from hrmlab.models.checkpoint import chosen_checkpoint, load_checkpoint
from hrmlab.runs.directory import RunDirectory
from hrmlab.runs.files import write_bytes
from hrmlab.training.sharding import is_sharded, load_whole
from hrmlab.workflows.fit import Fitted
from hrmlab.workflows.prepare import Prepared


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Everything that was measured, as summary.json holds it.

    Attributes:
        declarations: the measures, the words, and which measure counts.
        step: of the checkpoint that was scored.
    """

    declarations: dict[str, Any]
    test: dict[str, Any]
    other_tests: dict[str, dict[str, Any]]
    validation: dict[str, Any]
    step: int

    def to_dict(self) -> dict[str, Any]:
        """The part of summary.json that says how well the run did."""
        return {**self.declarations, "test": self.test, "other_tests": self.other_tests, "validation": self.validation}


def score(prepared: Prepared, fitted: Fitted, run: RunDirectory) -> Scores:
    """Score the checkpoint that the rule chooses; the first process writes predictions.parquet and generations/."""
    config, task, splits = prepared.config, prepared.task, prepared.data.splits
    checkpoint = load_checkpoint(chosen_checkpoint(run.checkpoints, config.training.evaluate))
    load_whole(fitted.module, checkpoint["state_dict"])
    validation = _solved(prepared, fitted, splits.validation).result
    first = _solved(prepared, fitted, splits.test, beyond=1 if task.spec.next_token else config.evaluation.beyond)
    others = {name: _solved(prepared, fitted, examples).result for name, examples in splits.other_tests.items()}
    test, table, test_name = first.result, first.table, "test"
    measures = task.measures
    if prepared.sets:
        written = _written(prepared, fitted, run)
        test_name, *further = prepared.sets
        measures = declared(measures, config.evaluation)
        if fitted.trainer.global_rank == 0:
            test, table = _beside(test, written[test_name]), _with_outcomes(table, written[test_name])
            others |= {name: _beside(others.get(name, {}), written[name]) for name in further}
    if fitted.trainer.global_rank == 0:
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        write_bytes(run.predictions_file, buffer.getvalue())
    return Scores(
        declarations={
            "measures": [measure.to_dict() for measure in measures],
            "words": task.words.to_dict(),
            "score": counting(measures, test).name,
            "test_name": test_name,
        },
        test=test,
        other_tests=others,
        validation=validation,
        step=checkpoint["global_step"],
    )


def _solved(prepared: Prepared, fitted: Fitted, examples: ExampleSet, *, beyond: int = 1) -> SplitScore:
    """A split, every row once over all processes."""
    fitted.module.evaluator.beyond = beyond
    fitted.module.evaluator.several = Several.of(prepared.config.evaluation)
    fitted.trainer.test(fitted.module, dataloaders=prepared.data.evaluation_loader(examples), verbose=False)
    return fitted.module.evaluator.score(examples, means=fitted.module.split_metrics, world_size=fitted.trainer.world_size)


def _written(prepared: Prepared, fitted: Fitted, run: RunDirectory) -> dict[str, SetScore]:
    """Scores of every problem set; empty on all processes but the first."""
    assert prepared.written is not None
    module, trainer, config = fitted.module, fitted.trainer, prepared.config
    module.eval()
    module.to(trainer.strategy.root_device)
    module.computation.prepare()
    writer = Writer(
        computation=module.computation,
        task=prepared.task.spec,
        tokenizer=prepared.written.tokenizer,
        settings=config.evaluation,
        seed=config.seed,
        device=trainer.strategy.root_device,
        progress=config.trainer.progress_bar,
        rank=trainer.global_rank,
        world_size=trainer.world_size,
        judge=prepared.written.judge,
        in_step=is_sharded(module),
        flops_per_text=prepared.budget.flops_per_inference_example,
    )
    scores = writer.score(prepared.sets, folder=run.path / "generations")
    module.computation.release()
    return scores


def _with_outcomes(table: pd.DataFrame, score: SetScore) -> pd.DataFrame:
    """The outcomes of single problems beside what was measured under given tokens, where no problem was left out."""
    if score.passed is not None and len(score.passed) == len(table):
        table = table.assign(passed=score.passed)
    return table.assign(solution_bits=score.bits) if len(score.bits) == len(table) else table


def _beside(measured: dict[str, Any], score: SetScore) -> dict[str, Any]:
    """``count`` stays the number of test examples; a set that was cut short says its own in ``problems``."""
    return {**measured, **score.result, "count": measured.get("count", score.result["count"]), "problems": score.result["count"]}
