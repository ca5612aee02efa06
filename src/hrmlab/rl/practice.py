"""One stage of GRPO, from its problems to the weights that it leaves; goes on from its newest checkpoint."""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from hrmlab.config.schema import Objective, Stage
from hrmlab.core.errors import TrainingFailed
from hrmlab.core.randomness import stream, stream_key
from hrmlab.data.written.record import CodeRecord
from hrmlab.hugging_face import HRMLabForCausalLM
from hrmlab.rl.policy import PolicyTrainer, grpo_arguments
from hrmlab.rl.scoring import Scorer
from hrmlab.runs.files import write_json

_WHOLE = "whole.json"
"""Written into a checkpoint's folder when all else is there; a folder without it was cut short."""
_METRICS = {
    "reward": "reward",
    "reward_std": "reward_deviation",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "cut_off_share",
    "entropy": "entropy",
    "kl": "kl",
    "grad_norm": "gradient_norm",
    "frac_reward_zero_std": "groups_without_signal",
    "loss": "loss",
    "learning_rate": "learning_rate",
}
"""Names of TRL and ours."""


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What a stage tells as it goes: optimizer step within it, seconds of it, and the values by name."""

    step: int
    seconds: float
    values: Mapping[str, float]


def order_of_problems(count: int, epochs: int, *, seed: int, stage: str) -> list[int]:
    """The places of a stage's problems in the order in which they are practised: in every epoch each once, in an order of its own."""
    return [int(place) for epoch in range(epochs) for place in stream(seed, "practice order", stage, epoch).permutation(count)]


def practise(
    model: HRMLabForCausalLM,
    reference: HRMLabForCausalLM | None,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[CodeRecord],
    *,
    name: str,
    stage: Stage,
    objective: Objective,
    scorer: Scorer,
    seed: int,
    folder: Path,
    on_cpu: bool,
    report: Callable[[Reported], None],
    resumed: Callable[[int], None],
    stop: Callable[[], bool],
) -> tuple[int, float]:
    """Let a model practise on problems; its weights change.

    Args:
        model: the policy.
        reference: whose divergence is a penalty; None for none.
        tokenizer: of both.
        records: the problems.
        name, stage, objective: what is practised and how.
        scorer: of the stage's rewards, entered.
        seed: of the order and of the sampling.
        folder: of the stage's checkpoints.
        on_cpu: compute there, whatever else there is.
        report: takes what is logged.
        resumed: told before the first step the step that the stage goes on from, 0 for none.
        stop: asked after every step whether to save and stop.

    Returns:
        optimizer steps and seconds of the whole stage; fewer steps than it has where ``stop`` asked for it.

    Raises:
        UserError: a reward fails.
        TrainingFailed: the loss is no number.
    """
    order = order_of_problems(len(records), stage.epochs, seed=seed, stage=name)
    rows = Dataset.from_dict({"prompt": [records[place].prompt for place in order], "place": order})
    weights = {reward: float(weight) for reward, weight in stage.rewards.items()}
    newest = newest_checkpoint(folder)
    watch = _Watch(report, stop, before=0.0 if newest is None else newest[1])
    resumed(0 if newest is None else _step_of(newest[0]))
    trainer = PolicyTrainer(
        reference=reference,
        kl_weight=objective.kl_weight,
        model=model,
        args=grpo_arguments(stage, objective, folder=folder, seed=stream_key(seed, "practice", name) % 2**31, on_cpu=on_cpu),
        processing_class=tokenizer,
        train_dataset=rows,
        reward_funcs=[_reward(reward, records, scorer) for reward in weights],
        callbacks=[watch],
    )
    trainer.train(resume_from_checkpoint=None if newest is None else str(newest[0]))
    return trainer.state.global_step, watch.seconds


def newest_checkpoint(folder: Path) -> tuple[Path, float] | None:
    """The newest whole checkpoint of a stage and the seconds that it had taken; what was cut short is removed."""
    found = []
    for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        try:
            found.append((_step_of(path), path, float(json.loads((path / _WHOLE).read_text())["seconds"])))
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(path, ignore_errors=True)
    return max(found)[1:] if found else None


def _step_of(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _reward(name: str, records: Sequence[CodeRecord], scorer: Scorer) -> Callable[..., list[float]]:
    """A reward as TRL calls it."""

    def function(*, completions: list[str], place: list[int], **unused: Any) -> list[float]:
        return scorer.score(name, [records[number] for number in place], completions)

    function.__name__ = name
    return function


class _Watch(TrainerCallback):
    """Hands on what is logged, marks whole checkpoints, stops where that is asked for, and ends what has diverged."""

    def __init__(self, report: Callable[[Reported], None], stop: Callable[[], bool], *, before: float) -> None:
        self._report, self._stop, self._since = report, stop, time.monotonic() - before

    @property
    def seconds(self) -> float:
        """Of the whole stage so far."""
        return time.monotonic() - self._since

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, Any] | None = None, **unused: Any) -> None:
        values = {ours: float(logs[name]) for name, ours in _METRICS.items() if logs and logs.get(name) is not None}
        for name, value in (logs or {}).items():
            if name.startswith("rewards/") and name.endswith("/mean") and value is not None:
                values[f"reward/{name.removeprefix('rewards/').removesuffix('/mean')}"] = float(value)
        if "reward" not in values:  # of the whole stage, at its end
            return
        if not np.isfinite(values.get("loss", 0.0)) or not np.isfinite(values.get("gradient_norm", 0.0)):
            raise TrainingFailed(
                "the loss of a stage of practice is no number any more", hint="lower objective.learning_rate", step=state.global_step
            )
        self._report(Reported(step=state.global_step, seconds=self.seconds, values=values))

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **unused: Any) -> None:
        if self._stop():
            control.should_save = control.should_training_stop = True

    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **unused: Any) -> None:
        folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        write_json(folder / _WHOLE, {"seconds": self.seconds})
