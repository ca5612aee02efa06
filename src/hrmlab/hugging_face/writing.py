"""What ``generate`` needs to know of the model's length: prompts that fit, and rows that end when they are full."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList

from hrmlab.core.errors import UserError


class FullRows(StoppingCriteria):
    """Ends a row when it has as many tokens as the model can read.

    Args:
        length: the most tokens of a row.
        padding: (B,) columns of each prompt that are no tokens.
    """

    eos_token_id = None  # transformers fills finished rows with padding only where some criterion has this name

    def __init__(self, length: int, padding: Tensor) -> None:
        self.length, self.padding = length, padding

    def __call__(self, input_ids: Tensor, scores: Any, **keywords: Any) -> Any:
        """(B * n,) bool, n rows of each prompt (beams, several answers) together."""
        padding = self.padding.to(input_ids.device).repeat_interleave(len(input_ids) // len(self.padding))
        return input_ids.shape[1] - padding >= self.length


def prepared(
    inputs: Tensor | None, settings: Any, keywords: Mapping[str, Any], *, length: int, remembers: bool
) -> tuple[Tensor | None, dict[str, Any]]:
    """The arguments of ``generate`` with what our models add.

    Args:
        inputs: (B, S) prompts; None where they are among the keywords.
        settings: the generation configuration.
        keywords: as ``generate`` got them.
        length: the most tokens of a row.
        remembers: whether the model keeps a cache.

    Raises:
        UserError: a prompt that leaves no room for a token.
    """
    changed = dict(keywords)
    prompts = inputs if inputs is not None else changed.get("input_ids")
    if not remembers:
        changed.setdefault("use_cache", False)
    if prompts is None:
        return inputs, changed
    filling = changed.get("pad_token_id", settings.pad_token_id)
    if changed.get("attention_mask") is None and filling is not None and filling != settings.eos_token_id:
        changed["attention_mask"] = (prompts != filling).long()
    mask = changed.get("attention_mask")
    padding = torch.zeros(len(prompts), dtype=torch.int64) if mask is None else (mask == 0).sum(dim=1)
    longest = prompts.shape[1] - int(padding.amin())
    if longest >= length:
        raise UserError(f"the prompt has {longest} tokens, and this model can read {length} with its answer; shorten the prompt")
    criteria = StoppingCriteriaList([*(changed.get("stopping_criteria") or []), FullRows(length, padding)])
    return inputs, {**changed, "stopping_criteria": criteria, "full_rows_rest": True}
