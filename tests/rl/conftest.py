"""Runs that practise, as small as they get."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for own_rewards

TINY_PRACTICE = (
    "data=worked_problems",
    "data.kinds=[arithmetic]",
    "data.max_depth=2",
    "data.train_examples=60",
    "data.validation_examples=10",
    "data.test_examples=12",
    "data.sequence_length=64",
    "model=transformer",
    "model.layers=1",
    "regime=brief",
    "regime.segments=1",
    "size.parameters=12000",
    "size.head_size=8",
    "optimizer.warmup_steps=2",
    "training.steps=6",
    "training.batch_size=8",
    "training.loss=softmax",
    "training.validate_every_steps=6",
    "training.log_every_steps=2",
    "training.evaluation_batch_size=16",
    "trainer.threads=1",
    "trainer.progress_bar=false",
    "evaluation.max_new_tokens=12",
    "evaluation.limit=6",
    "evaluation.allow_unsafe_execution=true",
    "objective=grpo",
    "objective.order=[format,chain_of_thought]",
    "objective.stages.format={examples: 4, epochs: 1, rewards: {own_rewards.lottery: 1.0}}",
    "objective.stages.chain_of_thought={examples: 4, epochs: 2, rewards: {own_rewards.lottery: 1.0}}",
    "objective.batch_size=8",
    "objective.gradient_accumulation=2",
    "objective.max_completion_tokens=12",
    "objective.held_out_problems=6",
    "objective.checkpoint_every_steps=1",
    "objective.log_every_steps=1",
    "objective.learning_rate=1e-3",
)


@pytest.fixture
def practice_config(tmp_path: Path, compose_config: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Compose the configuration of such a run from further overrides."""

    def compose(*overrides: str) -> dict[str, Any]:
        return compose_config(*TINY_PRACTICE, f"output_root={tmp_path / 'outputs'}", *overrides, tiny=False)

    return compose


@pytest.fixture
def practise_run(practice_config: Callable[..., dict[str, Any]], train_run: Callable[..., Any]) -> Callable[..., Any]:
    """Go through such a run in this process; the completed run."""
    return lambda *overrides, run=None: train_run(config=practice_config(*overrides), run=run)
