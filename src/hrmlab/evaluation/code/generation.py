"""Writes continuations of prompts with a causal reasoner, a batch at a time; what was read is remembered by the reasoner."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.randomness import CounterRandom
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.evaluation.code.compiled_steps import compiled_steps
from hrmlab.layers.decoding import DecodingState
from hrmlab.layers.likelihood import LossKind, log_probabilities
from hrmlab.models.halting import wants_to_halt

_SHRINK_EVERY = 8


class WritingCall(Protocol):
    """A causal reasoner in some precision, as generation needs it."""

    max_segments: int
    sees_future: str | None

    @property
    def prefix_length(self) -> int: ...

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry: ...

    def decoding_state(self, *, capacity: int) -> DecodingState | None: ...

    def stacks(self) -> Sequence[nn.Module]: ...

    def __call__(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]: ...


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How tokens are chosen.

    Attributes:
        temperature: 0 for the most likely token; else logarithms of probabilities are divided by it.
        top_p: sample among the most likely tokens that together have this probability (Holtzman et al. 2020); 1 for all.
        max_new_tokens: at most so many, the end token counted.
        halting: read each token at the segment where the model wants to stop; False: after all segments.
        likelihood: how logits become probabilities, as in training.
        compiled: compile the step of one token (:mod:`hrmlab.evaluation.code.compiled_steps`), with memory for a whole row of the task. It
            takes up to a minute once, and answers are equal but for rounding.
    """

    temperature: float
    top_p: float
    max_new_tokens: int
    halting: bool
    likelihood: LossKind
    compiled: bool = False


class _Row(NamedTuple):
    """A prompt in work: its number among the prompts, and how many tokens it may still get in all."""

    number: int
    limit: int


@torch.inference_mode()
def generate(
    call: WritingCall,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    sequence_length: int,
    decoding: Decoding,
    device: torch.device,
    random: CounterRandom | None = None,
    stopped: Callable[[int, list[int]], bool] = lambda number, tokens: False,
) -> list[list[int]]:
    """The new tokens of each prompt, without the end token.

    Args:
        call: the reasoner.
        prompts: token ids of each prompt; none empty, none of ``sequence_length`` tokens or more.
        end: the token after which a row is finished.
        sequence_length: a row, prompt and continuation together, never grows beyond this.
        decoding: how tokens are chosen.
        random: one draw for each prompt, when the temperature is not 0: what a prompt gets does not depend on its neighbours in the batch.
        stopped: is shown the number of a prompt and its new tokens after each of them, and says whether to end there (at a stop sequence).
    """
    written: list[list[int]] = [[] for _ in prompts]
    rows = [_Row(number, min(decoding.max_new_tokens, sequence_length - len(prompt))) for number, prompt in enumerate(prompts)]
    longest = max(len(prompt) for prompt in prompts)
    length = sequence_length if decoding.compiled else min(sequence_length, longest + max(row.limit for row in rows))
    state = call.decoding_state(capacity=call.prefix_length + length)
    reader = _Rereading(call, decoding, length) if state is None else _Remembering(call, decoding, state, length)
    with compiled_steps(call.stacks()) if decoding.compiled else nullcontext():
        log_p = reader.begin(prompts, device)
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
                rows, chosen = [row for row, goes in zip(rows, going, strict=True) if goes], chosen[kept]
                reader.select(kept)
            else:
                # A finished row rests until the next shrinking: what it still writes is not kept.
                rows = [row if goes else row._replace(limit=0) for row, goes in zip(rows, going, strict=True)]
            log_p = reader.go_on(chosen)
    return written


def _append(tokens: list[int], token: int, row: _Row, end: int, stopped: Callable[[int, list[int]], bool]) -> bool:
    """Add a token to a row that is still being written; whether it goes on."""
    if len(tokens) >= row.limit or token == end:
        return False
    tokens.append(token)
    return not stopped(row.number, tokens) and len(tokens) < row.limit


class _Remembering:
    """Reads each token once; the reasoner's own state remembers."""

    def __init__(self, call: WritingCall, decoding: Decoding, state: DecodingState, length: int) -> None:
        self._call, self._decoding, self._state = call, decoding, state
        self._prefix, self._length, self._longest = call.prefix_length, length, 0
        self._lengths = torch.empty(0)
        self._level = False

    def begin(self, prompts: Sequence[Sequence[int]], device: torch.device) -> Tensor:
        """log p (B, V) of the token after each prompt."""
        tokens, self._lengths = _padded(prompts, device)
        self._longest = tokens.shape[1]
        self._level = all(len(prompt) == self._longest for prompt in prompts)
        end = self._prefix + self._longest
        places = torch.arange(end, device=device).expand(len(prompts), -1)
        self._state.begin(places, counts=self._prefix + self._lengths, longest=end, level=self._level)
        return _read(self._call, tokens, self._state, self._lengths - 1, self._decoding)

    def go_on(self, tokens: Tensor) -> Tensor:
        """log p (B, V) of the token after these (B,), which follow what was read."""
        most = self._prefix + self._length
        places = (self._prefix + self._lengths).clamp(max=most - 1)[:, None]
        self._lengths, self._longest = self._lengths + 1, self._longest + 1
        longest = min(most, self._prefix + self._longest)
        self._state.begin(places, counts=torch.ones_like(self._lengths), longest=longest, level=self._level)
        return _read(self._call, tokens[:, None], self._state, torch.zeros_like(self._lengths), self._decoding)

    def select(self, rows: Tensor) -> None:
        """Keep these rows (K,) only."""
        self._lengths = self._lengths[rows]
        self._state.select(rows)


class _Rereading:
    """Reads each row again from its beginning for every token: for reasoners that keep nothing, and what the others must agree with.

    For a reasoner that sees later tokens, rows of one length at a time: it must not see what would fill up a shorter row.
    """

    def __init__(self, call: WritingCall, decoding: Decoding, length: int) -> None:
        self._call, self._decoding, self._length = call, decoding, length
        self._tokens, self._lengths = torch.empty(0), torch.empty(0)

    def begin(self, prompts: Sequence[Sequence[int]], device: torch.device) -> Tensor:
        """As :meth:`_Remembering.begin`."""
        self._tokens, self._lengths = _padded(prompts, device)
        return self._read_rows()

    def go_on(self, tokens: Tensor) -> Tensor:
        """As :meth:`_Remembering.go_on`."""
        if self._tokens.shape[1] < self._length:
            self._tokens = torch.nn.functional.pad(self._tokens, (0, 1))
        place = self._lengths.clamp(max=self._length - 1)
        self._tokens = self._tokens.scatter(1, place[:, None], tokens[:, None])
        self._lengths = self._lengths + 1
        return self._read_rows()

    def _read_rows(self) -> Tensor:
        """log p (B, V) of the next token of every row."""
        lengths = self._lengths.clamp(max=self._length)
        if self._call.sees_future is None:
            return _read(self._call, self._tokens, None, lengths - 1, self._decoding)
        log_p: Tensor | None = None
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero()[:, 0]
            said = _read(self._call, self._tokens[rows, :length], None, torch.full_like(rows, length - 1), self._decoding)
            log_p = said.new_zeros(len(lengths), said.shape[-1]) if log_p is None else log_p
            log_p[rows] = said
        assert log_p is not None
        return log_p

    def select(self, rows: Tensor) -> None:
        """As :meth:`_Remembering.select`."""
        self._tokens, self._lengths = self._tokens[rows], self._lengths[rows]


def _padded(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """(B, longest) tokens, filled up with 0, and (B,) lengths."""
    tokens = torch.zeros((len(prompts), max(len(prompt) for prompt in prompts)), dtype=torch.int64)
    for number, prompt in enumerate(prompts):
        tokens[number, : len(prompt)] = torch.tensor(prompt)
    return tokens.to(device), torch.tensor([len(prompt) for prompt in prompts], device=device)


def _read(call: WritingCall, tokens: Tensor, state: DecodingState | None, at: Tensor, decoding: Decoding) -> Tensor:
    """log p of the next token (B, V) after the new tokens (B, T), read at token ``at`` (B,) of each row; runs all segments."""
    carry = call.initial_carry(len(tokens), call.prefix_length + tokens.shape[1] if state is None else state.positions.shape[1])
    batch = Batch(inputs=tokens, labels=torch.full_like(tokens, IGNORED_LABEL), puzzle_ids=torch.zeros_like(tokens[:, 0]))
    rows = torch.arange(len(tokens), device=tokens.device)
    logits, stopped = None, torch.zeros_like(rows, dtype=torch.bool)
    for _ in range(call.max_segments):
        carry, prediction = call(carry, batch, state)
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
