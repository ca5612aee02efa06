"""Cached decoding beside running the whole sequence again for every token."""

import time
from typing import Any

import torch

from hrmlab.budget.solver import build_reasoner
from hrmlab.config.composition import composer
from hrmlab.core.batches import Batch
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.evaluation.code.generation import Decoding, generate
from hrmlab.models.reasoner import Reasoner

NEW_TOKENS = 256
PROMPT = 64
ROWS = (1, 8)
EVERY = 32
"""Recomputing is timed for every 32nd token and counted 32 times: it takes minutes, and its cost grows smoothly with the length."""

ARMS = ("hrm", "transformer", "deep_supervision_transformer")


def decoding(options: dict[str, str]) -> dict[str, Any]:
    """Seconds for 256 new tokens after a prompt of 64 in each of 1 and 8 rows, size tiny (16M), fp32, with a cache and without."""
    torch.set_num_threads(int(options["threads"]))
    figures: dict[str, Any] = {}
    task = TaskSpec(name="bench", sequence_length=PROMPT + NEW_TOKENS, vocabulary_size=260, attention="causal", next_token=True)
    for arm in ARMS:
        with composer() as composing:
            config = composing.compose([f"model={arm}", "regime=code", "size=tiny"]).config.to_plain()
        reasoner, _ = build_reasoner(model=config["model"], task=task, size=config["size"], match="parameters", seed=0)
        reasoner.eval()
        for rows in ROWS:
            prompts = torch.randint(4, 260, (rows, PROMPT), generator=torch.Generator().manual_seed(0))
            cached, recomputed = _cached(reasoner, prompts), _recomputed(reasoner, prompts)
            figures[f"{arm}, rows {rows}"] = {
                "cached_s": round(cached, 2),
                "recomputed_s": round(recomputed, 1),
                "times_faster": round(recomputed / cached, 1),
            }
    return figures


def _cached(reasoner: Reasoner, prompts: torch.Tensor) -> float:
    settings = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=NEW_TOKENS, halting=False, likelihood="softmax")
    began = time.perf_counter()
    generate(reasoner, prompts.tolist(), end=-1, sequence_length=PROMPT + NEW_TOKENS, decoding=settings, device=torch.device("cpu"))
    return time.perf_counter() - began


@torch.inference_mode()
def _recomputed(reasoner: Reasoner, prompts: torch.Tensor) -> float:
    tokens = torch.cat((prompts, torch.randint(4, 260, (len(prompts), NEW_TOKENS))), dim=1)
    seconds = 0.0
    for new in range(EVERY // 2, NEW_TOKENS, EVERY):
        inputs = tokens[:, : PROMPT + new]
        batch = Batch(inputs, torch.full_like(inputs, IGNORED_LABEL), torch.zeros(len(inputs), dtype=torch.int64))
        began = time.perf_counter()
        carry = reasoner.initial_carry(len(inputs), inputs.shape[1])
        for _ in range(reasoner.max_segments):
            carry, _ = reasoner(carry, batch)
        seconds += time.perf_counter() - began
    return seconds * EVERY
