"""What a model writes after one prompt, without sampling."""

import torch

from hrmlab.data.code.encoding import prompt_ids
from hrmlab.data.written.tokenizer import END, Tokenizer, clip_left
from hrmlab.evaluation.code.generation import Decoding, WritingCall, generate
from hrmlab.layers.likelihood import LossKind


def continuation(
    call: WritingCall,
    prompt: str,
    *,
    tokenizer: Tokenizer,
    sequence_length: int,
    likelihood: LossKind,
    max_new_tokens: int,
    device: torch.device,
    compiled: bool = False,
) -> str:
    """The most likely token after all segments, again and again up to the end token; of a long prompt three quarters of a row are read."""
    decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=max_new_tokens, halting=False, likelihood=likelihood, compiled=compiled)
    ids = clip_left(prompt_ids(prompt, tokenizer), sequence_length - sequence_length // 4)
    (tokens,) = generate(call, [ids], end=END, sequence_length=sequence_length, decoding=decoding, device=device)
    return tokenizer.decode(tokens)
