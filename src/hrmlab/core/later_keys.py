"""Keys that components and sections got after runs of them had been made, each with the value at which nothing is other than before."""

from collections.abc import Mapping
from typing import Any

LATER_KEYS: dict[str, Any] = {
    "data.counts": None,
    "data.fixed_views": None,
    "evaluation.compile": False,
    "evaluation.noise": 0.0,
    "evaluation.trajectories": 1,
    "evaluation.views": 1,
    "objective.final_learning_rate_ratio": 1.0,  # before the section, which came without it
    "objective": {
        "name": "supervised",
        "order": [],
        "stages": {},
        "learning_rate": 5e-5,
        "batch_size": 4,
        "gradient_accumulation": 2,
        "generations": 8,
        "max_completion_tokens": 256,
        "temperature": 1.0,
        "reward_scale": "group",
        "kl_weight": 0.04,
        "gradient_clip": 1.0,
        "warmup_share": 0.0,
        "held_out_problems": 200,
        "checkpoint_every_steps": 50,
        "log_every_steps": 5,
    },
    "model.attention": "causal",
    "model.damping": 0.0,
    "model.halting_threshold": None,
    "model.random_start": 0.0,
    "model.state_noise": 0.0,
    "optimizer.decay_share": 0.2,
    "optimizer.hold_share": 0.0,
    "optimizer.learning_rates": {},
    "optimizer.newton_schulz_precision": "bf16",
    "optimizer.other_learning_rate": None,
    "optimizer.other_weight_decay": None,
    "optimizer.schedule": "cosine",
    "training.curriculum_share": 0.0,
    "training.curriculum_start": 0.2,
    "training.ema_from": 0,
    "training.exploration_annealing": 0.0,
    "training.gradient_accumulation": 1,
    "training.gradient_checkpointing": False,
    "training.halting_curriculum": 0.0,
    "training.halting_loss": "cross_entropy",
    "training.loss_terms": {},
}
"""Dotted key -> neutral value, which is also its default. Who adds an option to a component that runs exist of enters it here: then those
runs keep their identity, a half-run study goes on, and a report sees no difference between an old configuration and a new one that leaves
the option alone."""


def without_neutral(config: Mapping[str, Any], later: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The configuration without those of its later keys (by default :data:`LATER_KEYS`) that hold their neutral value; the same for both
    sides of a comparison."""
    result = dict(config)
    for key, neutral in (LATER_KEYS if later is None else later).items():
        section, _, rest = key.partition(".")
        value = result.get(section)
        if rest and isinstance(value, Mapping):
            result[section] = without_neutral(value, {rest: neutral})
        elif not rest and section in result and type(value) is type(neutral) and value == neutral:
            del result[section]
    return result
