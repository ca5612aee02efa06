"""The model as TRL's GRPOTrainer practises with it: one policy, the model as it learns, in rollouts and in the loss."""

from hrmlab.core.errors import MissingExtra

try:
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer
except ModuleNotFoundError as missing:
    if missing.name not in ("trl", "datasets"):
        raise
    raise MissingExtra("trl", extra="rl", purpose="objective=grpo") from None

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PrinterCallback
from transformers.utils import logging

from hrmlab.config.schema import Objective, Stage
from hrmlab.hugging_face import HRMLabForCausalLM


def grpo_arguments(stage: Stage, objective: Objective, *, folder: Path, seed: int, on_cpu: bool) -> GRPOConfig:
    """A stage as TRL has it: each step samples, computes and forgets the answers of its own problems, so that a step begins with nothing
    but weights, optimizer and random numbers, which its checkpoints hold. The problems' order is the data set's own."""
    with _quiet():
        return _arguments(stage, objective, folder=folder, seed=seed, on_cpu=on_cpu)


def _arguments(stage: Stage, objective: Objective, *, folder: Path, seed: int, on_cpu: bool) -> GRPOConfig:
    return GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=objective.batch_size,
        gradient_accumulation_steps=objective.gradient_accumulation,
        num_generations=objective.generations,
        max_completion_length=stage.max_completion_tokens or objective.max_completion_tokens,
        temperature=stage.temperature or objective.temperature,
        learning_rate=stage.learning_rate or objective.learning_rate,
        reward_weights=[float(weight) for weight in stage.rewards.values()],
        scale_rewards=objective.reward_scale,
        beta=0.0,
        max_grad_norm=objective.gradient_clip,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": objective.final_learning_rate_ratio},
        warmup_steps=objective.warmup_share,
        num_train_epochs=1,
        shuffle_dataset=False,
        disable_dropout=False,
        bf16=False,
        gradient_checkpointing=False,
        optim="adamw_torch",
        seed=seed,
        use_cpu=on_cpu,
        logging_steps=objective.log_every_steps,
        logging_nan_inf_filter=False,
        save_steps=objective.checkpoint_every_steps,
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


class PolicyTrainer(GRPOTrainer):
    """GRPOTrainer (Shao et al. 2024, arXiv 2402.03300) for reasoners, which are no stack of layers under a head of their own.

    Some reasoners compute otherwise while they learn: the enhanced HRM's gates are soft then. The policy is the model as it learns, in
    rollouts and in the loss alike, so what is made more or less likely is what was sampled, and a small step changes it a little; with hard
    gates every step would flip some of them.

    Args:
        reference: the model whose divergence is measured; None where its weight is 0.
        kl_weight: of that divergence.
        arguments: of GRPOTrainer; its own ``beta``, for which it would load a model from the hub, must be 0.
    """

    def __init__(self, *, reference: HRMLabForCausalLM | None, kl_weight: float, **arguments: Any) -> None:
        with _quiet():
            super().__init__(**arguments)
        self.remove_callback(PrinterCallback)
        if reference is not None:
            self.ref_model = self.accelerator.prepare_model(reference.requires_grad_(False).train(), evaluation_mode=True)
            self.beta = kl_weight

    def train(self, *arguments: Any, **keywords: Any) -> Any:
        """As :meth:`transformers.Trainer.train`, without bars and remarks of the libraries to each other."""
        with _quiet():
            return super().train(*arguments, **keywords)

    def create_model_card(self, *arguments: Any, **keywords: Any) -> None:
        """Nothing: hrm-convert writes one."""

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **unused: Any,
    ) -> tuple[Tensor, Tensor | None, None]:
        """(B, T) log-probabilities of the last T tokens and, where asked for, the entropies of their distributions."""
        found, entropies = [], []
        for tokens, mask in zip(
            input_ids.split(batch_size or len(input_ids)), attention_mask.split(batch_size or len(input_ids)), strict=True
        ):
            logits = model(input_ids=tokens, attention_mask=mask, logits_to_keep=logits_to_keep + 1).logits[:, :-1]
            log_p = (logits.float() / self.temperature).log_softmax(dim=-1)
            found.append(log_p.gather(-1, tokens[:, -logits_to_keep:, None])[..., 0])
            if compute_entropy:
                with torch.no_grad():
                    entropies.append(-(log_p.exp() * log_p).sum(-1))
        return torch.cat(found), torch.cat(entropies) if compute_entropy else None, None


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars, no remarks, and no word of transformers about what TRL still calls by its old name."""
    shown, loudness = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*gradient_checkpointing.*", category=FutureWarning)
            yield
    finally:
        logging.set_verbosity(loudness)
        if shown:
            logging.enable_progress_bar()
