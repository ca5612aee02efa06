"""Writes continuations of prompts with a causal reasoner, a batch at a time, with keys and values cached."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.layers.cache import KeyValueCache
from hrmlab.layers.likelihood import LossKind, log_probabilities
from hrmlab.models.halting import wants_to_halt

_SHRINK_EVERY = 8


class CachedCall(Protocol):
    """A causal reasoner in some precision, as generation needs it."""

    max_segments: int

    @property
    def prefix_length(self) -> int: ...

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry: ...

    def __call__(self, carry: Carry, batch: Batch, cache: KeyValueCache | None = None) -> tuple[Carry, Prediction]: ...


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How tokens are chosen.

    Attributes:
        temperature: 0 for the most likely token; else logarithms of probabilities are divided by it.
        top_p: sample among the most likely tokens that together have this probability (Holtzman et al. 2020); 1 for all.
        max_new_tokens: at most so many, the end token counted.
        halting: read each token at the segment where the model wants to stop; False: after all segments.
        likelihood: how logits become probabilities, as in training.
    """

    temperature: float
    top_p: float
    max_new_tokens: int
    halting: bool
    likelihood: LossKind


class _Row(NamedTuple):
    """A prompt in work: its number among the prompts, and how many tokens it may still get in all."""

    number: int
    limit: int


@torch.inference_mode()
def generate(
    call: CachedCall,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    sequence_length: int,
    decoding: Decoding,
    device: torch.device,
    random: CounterRandom | None = None,
    stopped: Callable[[list[int]], bool] = lambda tokens: False,
) -> list[list[int]]:
    """The new tokens of each prompt, without the end token.

    Args:
        call: the reasoner.
        prompts: token ids of each prompt; none empty, none of ``sequence_length`` tokens or more.
        end: the token after which a row is finished.
        sequence_length: a row, prompt and continuation together, never grows beyond this.
        decoding: how tokens are chosen.
        random: one draw for each prompt, when the temperature is not 0: what a prompt gets does not depend on its neighbours in the batch.
        stopped: whether the new tokens of a row hold a stop sequence.
    """
    written: list[list[int]] = [[] for _ in prompts]
    rows = [_Row(number, min(decoding.max_new_tokens, sequence_length - len(prompt))) for number, prompt in enumerate(prompts)]
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    longest, prefix = max(len(prompt) for prompt in prompts), call.prefix_length
    tokens = torch.zeros((len(prompts), longest), dtype=torch.int64)
    for number, prompt in enumerate(prompts):
        tokens[number, : len(prompt)] = torch.tensor(prompt)
    cache = KeyValueCache(capacity=prefix + min(sequence_length, longest + max(row.limit for row in rows)))
    positions = torch.arange(prefix + longest, device=device).expand(len(prompts), -1)
    level = all(len(prompt) == longest for prompt in prompts)
    cache.begin(positions, longest=prefix + longest, level=level)
    log_p = _read(call, tokens.to(device), cache, lengths - 1, decoding)
    for step in range(decoding.max_new_tokens):
        uniform = None if random is None or decoding.temperature == 0 else random.uniform(f"token {step}", 1)[:, 0]
        if uniform is not None:
            uniform = uniform[torch.tensor([row.number for row in rows], device=uniform.device)].to(device)
        chosen = choose(log_p, temperature=decoding.temperature, top_p=decoding.top_p, uniform=uniform)
        going = [_append(written[row.number], token, row, end, stopped) for row, token in zip(rows, chosen.tolist(), strict=True)]
        if not any(going):
            break
        if step % _SHRINK_EVERY == _SHRINK_EVERY - 1 and not all(going):
            kept = torch.tensor([place for place, goes in enumerate(going) if goes], device=device)
            rows, chosen, lengths = [row for row, goes in zip(rows, going, strict=True) if goes], chosen[kept], lengths[kept]
            cache.select(kept)
        else:
            # A finished row rests until the next shrinking: what it still writes is not kept.
            rows = [row if goes else row._replace(limit=0) for row, goes in zip(rows, going, strict=True)]
        place = (prefix + lengths + step).clamp(max=cache.capacity - 1)[:, None]
        cache.begin(place, longest=min(cache.capacity, prefix + longest + step + 1), level=level)
        log_p = _read(call, chosen[:, None], cache, torch.zeros_like(lengths), decoding)
    return written


def _append(tokens: list[int], token: int, row: _Row, end: int, stopped: Callable[[list[int]], bool]) -> bool:
    """Add a token to a row that is still being written; whether it goes on."""
    if len(tokens) >= row.limit or token == end:
        return False
    tokens.append(token)
    return len(tokens) < row.limit and not stopped(tokens)


def _read(call: CachedCall, tokens: Tensor, cache: KeyValueCache, at: Tensor, decoding: Decoding) -> Tensor:
    """log p of the next token (B, V) after the new tokens (B, T), read at token ``at`` (B,) of each row; runs all segments."""
    carry = call.initial_carry(len(tokens), cache.positions.shape[1])
    batch = Batch(inputs=tokens, labels=torch.full_like(tokens, IGNORED_LABEL), puzzle_ids=torch.zeros_like(tokens[:, 0]))
    rows = torch.arange(len(tokens), device=tokens.device)
    logits, stopped = None, torch.zeros_like(rows, dtype=torch.bool)
    for _ in range(call.max_segments):
        carry, prediction = call(carry, batch, cache)
        said, wants = prediction.logits[rows, at], wants_to_halt(prediction)
        logits = said if logits is None else torch.where(stopped[:, None], logits, said)
        if decoding.halting and wants is not None:
            stopped = stopped | wants[rows, at]
    assert logits is not None
    return log_probabilities(logits, decoding.likelihood)


def choose(log_p: Tensor, *, temperature: float, top_p: float, uniform: Tensor | None) -> Tensor:
    """(B,) tokens drawn from (B, V) log-probabilities by inverting their distribution at ``uniform`` (B,); the largest at temperature 0."""
    if temperature == 0 or uniform is None:
        return log_p.argmax(dim=-1)
    probabilities, order = (log_p.double() / temperature).softmax(dim=-1).sort(dim=-1, descending=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    probabilities = torch.where(before < top_p, probabilities, 0.0)
    reached = probabilities.cumsum(dim=-1)
    place = (reached <= uniform[:, None] * reached[:, -1:]).sum(dim=-1).clamp(max=log_p.shape[-1] - 1)
    return order.gather(1, place[:, None])[:, 0]
