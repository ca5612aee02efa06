"""All stages of an objective, one after another, from the warm-up's weights to the last stage's; finished stages are found again."""

import copy
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hrmlab.config.schema import Evaluation, Objective, Stage
from hrmlab.core.notices import notice
from hrmlab.data.written.problems import WrittenProblems
from hrmlab.evaluation.code.completions import save_rows
from hrmlab.hugging_face import HRMLabForCausalLM, config_of, hugging_face_tokenizer
from hrmlab.models.checkpoint import load_checkpoint
from hrmlab.models.precision import Computation
from hrmlab.rl.held_out import Examiner
from hrmlab.rl.practice import Reported, practise
from hrmlab.rl.problems import problems_of
from hrmlab.rl.record import WARM_UP, read_stages, stage_checkpoint, write_stages
from hrmlab.rl.scoring import Scorer
from hrmlab.runs.directory import PRACTISED, RunDirectory
from hrmlab.runs.files import replacing

_COLUMNS = ("problems of", "prompt", "completion", "rewards")
_SHOWN = 10
"""Answers of each stage's kind in a table of samples."""


@dataclass(frozen=True, kw_only=True)
class Practice:
    """What all stages share.

    Attributes:
        computation: the reasoner, with the warm-up's weights.
        written: the task's problems.
        objective, evaluation: of the configuration.
        seed: of the run.
        run: its directory.
        first_step: optimizer steps of the warm-up, after which those of the stages are counted on.
        device: where the reasoner is.
        log: takes (step, seconds, values) for metrics.csv and other loggers.
        show: takes (name, columns, rows, step) of a table of answers, for loggers that have tables.
        cut: drops what was logged after a step.
        stop: whether a signal asked to save and stop.
    """

    computation: Computation
    written: WrittenProblems
    objective: Objective
    evaluation: Evaluation
    seed: int
    run: RunDirectory
    first_step: int
    device: torch.device
    log: Callable[[int, float, Mapping[str, float]], None]
    show: Callable[[str, Sequence[str], Sequence[Sequence[Any]], int], None]
    cut: Callable[[int], None]
    stop: Callable[[], bool]

    def through(self) -> list[dict[str, Any]] | None:
        """Go through what is left of the stages; the reasoner has the last one's weights afterwards.

        Returns:
            what ``stages.json`` holds; None where a signal asked to stop, after everything was saved.

        Raises:
            UserError: something in the configuration or a reward must be mended first.
            TrainingFailed: a stage diverged.
        """
        stages = {name: Stage(**self.objective.stages[name]) for name in self.objective.order}
        settings, names = self.evaluation, dict.fromkeys(name for stage in stages.values() for name in stage.rewards)
        with Scorer(
            list(names), timeout=settings.timeout, workers=settings.workers, allow_unsafe=settings.allow_unsafe_execution
        ) as scorer:
            return self._through(stages, scorer)

    def _through(self, stages: Mapping[str, Stage], scorer: Scorer) -> list[dict[str, Any]] | None:
        reasoner = self.computation.reasoner
        tokenizer = hugging_face_tokenizer(self.written.tokenizer, sequence_length=reasoner.task.sequence_length)
        ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
        model = HRMLabForCausalLM(config_of(reasoner, likelihood=self.computation.likelihood, **ids))
        model.reasoner.load_state_dict(reasoner.state_dict())
        reference = copy.deepcopy(model) if self.objective.kl_weight else None
        found: list[dict[str, Any]] = read_stages(self.run)
        if not found:
            self._enter(found, WARM_UP, stages, scorer, steps=self.first_step, seconds=0.0)
        for place, (name, stage) in enumerate(stages.items(), start=1):
            before, file = found[place - 1]["last_step"], stage_checkpoint(self.run, name)
            if len(found) > place:
                model.reasoner.load_state_dict(weights_of(load_checkpoint(file)))
                reasoner.load_state_dict(model.reasoner.state_dict())
                continue
            notice(f"stage {place} of {len(stages)}, {name}: {stage.examples} problems of {stage.problems}, {stage.epochs} times")
            folder = self.run.checkpoints / "practice" / name
            steps, seconds = practise(
                model,
                reference,
                tokenizer,
                problems_of(self.written, stage, name=name, seed=self.seed),
                name=name,
                stage=stage,
                objective=self.objective,
                scorer=scorer,
                seed=self.seed,
                folder=folder,
                on_cpu=self.device.type == "cpu",
                report=lambda reported, before=before: self._report(reported, before),
                resumed=lambda step, before=before: self.cut(before + step),
                stop=self.stop,
            )
            if self.stop():
                return None
            reasoner.load_state_dict(model.reasoner.state_dict())
            save_weights(self.computation, file, step=before + steps)
            self._enter(found, name, stages, scorer, steps=steps, seconds=seconds)
            shutil.rmtree(folder, ignore_errors=True)
        save_weights(self.computation, self.run.checkpoints / PRACTISED, step=found[-1]["last_step"])
        return found

    def _enter(
        self, found: list[dict[str, Any]], name: str, stages: Mapping[str, Stage], scorer: Scorer, *, steps: int, seconds: float
    ) -> None:
        """Examine the reasoner as a stage left it, and write that down: the stage is finished."""
        self.computation.reasoner.eval()
        examiner = Examiner(self.computation, self.written, self.objective, device=self.device)
        last_step = steps + (found[-1]["last_step"] if found else 0)
        tests, held_out, rows, samples = examiner.tests(), {}, [], []
        for other, stage in stages.items():
            asked = problems_of(self.written, stage, name=other, seed=self.seed, held_out=self.objective.held_out_problems)
            longest = stage.max_completion_tokens or self.objective.max_completion_tokens
            rewarded = examiner.rewards(asked, stage.rewards, scorer, longest=longest)
            held_out[other] = rewarded.means
            rows += [{"stage": other, **row} for row in rewarded.rows]
            samples += [_sample(other, row) for row in rewarded.rows[:_SHOWN]]
        save_rows(rows, self.run.path / "generations" / f"stage_{len(found)}_{name}.jsonl.gz")
        values = {f"practice/test/{split}": test["accuracy"] for split, test in tests.items()}
        values |= {f"practice/held_out/{other}": means["reward"] for other, means in held_out.items()}
        if not _is_logged(self.run, last_step):  # by a process that was killed before it could write the stage down
            self.log(last_step, seconds, values)
            self.show(f"practice/samples_after_{name}", _COLUMNS, samples, last_step)
        found.append({"name": name, "steps": steps, "last_step": last_step, "seconds": seconds, "tests": tests, "held_out": held_out})
        write_stages(self.run, found)

    def _report(self, reported: Reported, before: int) -> None:
        values = {f"practice/{name}": value for name, value in reported.values.items()}
        self.log(before + reported.step, reported.seconds, values)


def _sample(stage: str, row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    rewards = ", ".join(f"{name} {value:.2f}" for name, value in row.items() if isinstance(value, float))
    return stage, row["prompt"], row["completion"], rewards


def _is_logged(run: RunDirectory, step: int) -> bool:
    """Whether metrics.csv has what the answers after this step came to."""
    with run.metrics_file.open(encoding="utf-8") as rows:
        return any(row.startswith(f"{step},") and ",practice/held_out/" in row for row in rows)


def weights_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The reasoner's weights in a checkpoint."""
    return {name.removeprefix("reasoner."): value for name, value in checkpoint["state_dict"].items() if name.startswith("reasoner.")}


def save_weights(computation: Computation, path: Path, *, step: int) -> None:
    """Write a reasoner's weights as a checkpoint of this project, all of it or nothing."""
    state = {f"reasoner.{name}": value.cpu() for name, value in computation.reasoner.state_dict().items()}
    with replacing(path) as draft:
        torch.save({"state_dict": state, "global_step": step}, draft)
