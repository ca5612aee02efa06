"""Cached decoding, and cached decoding with compiled steps, beside running the whole sequence again for every token."""

import statistics
import time
from typing import Any

import torch

from hrmlab.budget.solver import build_reasoner
from hrmlab.config.composition import composer
from hrmlab.core.batches import Batch
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.evaluation.code.generation import Decoding, generate
from hrmlab.models.reasoner import Reasoner

EVERY = 32
"""Recomputing is timed for every 32nd token and counted 32 times: it takes minutes, and its cost grows smoothly with the length."""
REPETITIONS = 3
DEFAULTS = {"arms": "hrm,transformer,deep_supervision_transformer", "sizes": "nano,tiny", "rows": "1,8", "prompt": "300", "tokens": "200"}


def decoding(options: dict[str, str]) -> dict[str, Any]:
    """Processor seconds for the tokens after the prompt, the prompt's own time included, fp32: medians of alternating repetitions.

    The first writing of each kind, which compiles, is not timed.
    """
    torch.set_num_threads(int(options["threads"]))
    asked = {**DEFAULTS, **options}
    prompt, tokens = int(asked["prompt"]), int(asked["tokens"])
    figures: dict[str, Any] = {}
    task = TaskSpec(name="bench", sequence_length=prompt + tokens, vocabulary_size=260, attention="causal", next_token=True)
    for arm in asked["arms"].split(","):
        for size in asked["sizes"].split(","):
            with composer() as composing:
                config = composing.compose([f"model={arm}", "regime=code", f"size={size}"]).config.to_plain()
            reasoner, _ = build_reasoner(model=config["model"], task=task, size=config["size"], match="parameters", seed=0)
            reasoner.eval()
            for rows in map(int, asked["rows"].split(",")):
                prompts = torch.randint(4, 260, (rows, prompt), generator=torch.Generator().manual_seed(0))
                figures[f"{arm}, {size}, rows {rows}"] = _compared(reasoner, prompts, tokens)
    return figures


def _compared(reasoner: Reasoner, prompts: torch.Tensor, tokens: int) -> dict[str, Any]:
    for compiled in (False, True):
        _written(reasoner, prompts, tokens, limit=4, compiled=compiled)
    times: dict[str, list[float]] = {"cached": [], "compiled": [], "recomputed": []}
    for _ in range(REPETITIONS):
        times["cached"].append(_written(reasoner, prompts, tokens, limit=tokens, compiled=False))
        times["compiled"].append(_written(reasoner, prompts, tokens, limit=tokens, compiled=True))
        times["recomputed"].append(_recomputed(reasoner, prompts, tokens))
    ratios = {
        name: [round(slow / fast, 1) for slow, fast in zip(times["recomputed"], times[name], strict=True)]
        for name in ("cached", "compiled")
    }
    return {
        **{f"{name}_s": round(statistics.median(taken), 2) for name, taken in times.items()},
        **{f"times_faster_{name}": statistics.median(each) for name, each in ratios.items()},
        "each": ratios,
    }


def _written(reasoner: Reasoner, prompts: torch.Tensor, tokens: int, *, limit: int, compiled: bool) -> float:
    settings = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=limit, halting=False, likelihood="softmax", compiled=compiled)
    began = time.process_time()
    generate(reasoner, prompts.tolist(), end=-1, sequence_length=prompts.shape[1] + tokens, decoding=settings, device=torch.device("cpu"))
    return time.process_time() - began


@torch.inference_mode()
def _recomputed(reasoner: Reasoner, prompts: torch.Tensor, tokens: int) -> float:
    whole = torch.cat((prompts, torch.randint(4, 260, (len(prompts), tokens))), dim=1)
    seconds, timed = 0.0, range(min(EVERY // 2, tokens // 2), tokens, EVERY)
    for new in timed:
        inputs = whole[:, : prompts.shape[1] + new]
        batch = Batch(inputs, torch.full_like(inputs, IGNORED_LABEL), torch.zeros(len(inputs), dtype=torch.int64))
        began = time.process_time()
        carry = reasoner.initial_carry(len(inputs), inputs.shape[1])
        for _ in range(reasoner.max_segments):
            carry, _ = reasoner(carry, batch)
        seconds += time.process_time() - began
    return seconds * tokens / len(timed)
