"""A fresh model and its tokenizer in one call, to try things out."""

import inspect
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from hrmlab.config.location import choices, config_file
from hrmlab.core.components import call, locate, options_of
from hrmlab.core.errors import UserError
from hrmlab.core.randomness import stream_key
from hrmlab.core.task import TaskSpec
from hrmlab.hugging_face.configuration import config_of
from hrmlab.hugging_face.model import HRMLabForCausalLM
from hrmlab.hugging_face.tokens import any_tokenizer, byte_tokenizer, token_id, trained_tokenizer
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.sizing import Filling
from hrmlab.runs.files import read_yaml


def create_hrm_model_and_tokenizer(
    d_model: int = 256,
    n_heads: int = 4,
    max_cycles: int | None = None,
    *,
    model: str = "enhanced_hrm",
    tokenizer: str | PreTrainedTokenizerBase = "bytes",
    texts: Iterable[str] | None = None,
    vocab_size: int = 4096,
    max_segments: int = 1,
    sequence_length: int = 512,
    end: str | None = None,
    seed: int = 0,
    **arguments: Any,
) -> tuple[HRMLabForCausalLM, PreTrainedTokenizerBase]:
    """A freshly initialised causal model, which has learned nothing yet, with a tokenizer that knows the tokens of reasoning.

    Args:
        d_model: channels.
        n_heads: attention heads.
        max_cycles: cycles of a segment; None for the model's default.
        model: a choice of ``conf/model``.
        tokenizer: ``bytes``; ``bpe``, learned from ``texts``; a name on the Hugging Face hub or a folder; or a tokenizer.
        texts: for ``bpe``.
        vocab_size: for ``bpe``: ids in all.
        max_segments: of models that have segments.
        sequence_length: the most tokens of a row.
        end: the token that ends an answer, such as ``</SOLUTION>``; None for the tokenizer's own.
        seed: of the initialisation.
        arguments: further arguments of the model's constructor.

    Raises:
        UserError: no such model, one that is not causal or has no cycles, an argument that it does not take, sizes that do not divide, a
            tokenizer that cannot be had, or an unknown token.
    """
    made = _tokenizer(tokenizer, texts=texts, vocab_size=vocab_size, sequence_length=sequence_length)
    vocabulary = len(made)
    spec = TaskSpec(name="text", sequence_length=sequence_length, vocabulary_size=vocabulary, attention="causal", next_token=True)
    ending = made.eos_token_id if end is None else token_id(made, end)
    section = _section(model)
    kind: type[Reasoner] = locate(section.pop("_target_"))
    if "causal" not in kind.attention_kinds:
        raise UserError(f"model={model} has full attention alone, so it cannot write; choose another model")
    wanted: dict[str, Any] = {"hidden_size": d_model, "num_heads": n_heads, "max_segments": max_segments, "halting": max_segments > 1}
    if max_cycles is not None:
        if kind.cycle_argument is None:
            raise UserError(f"max_cycles={max_cycles} is for models that think in cycles, and model={model} has none; leave it out")
        wanted[kind.cycle_argument] = max_cycles
    for item in kind.solves:
        if isinstance(item, Filling):
            wanted[item.argument] = max(8, 8 * round(item.ratio * d_model / 8))
    taken = _arguments(kind)
    if unknown := sorted(arguments.keys() - taken):
        raise UserError(f"model={model} takes no {unknown[0]}; it takes {', '.join(sorted(taken))}")
    chosen = {name: value for name, value in {**section, **wanted, **arguments}.items() if name in taken}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_key(seed, "initialization"))
        reasoner = call(kind, task=spec, **chosen)
    config = config_of(reasoner, pad_token_id=made.pad_token_id, bos_token_id=made.bos_token_id, eos_token_id=ending)
    wrapped = HRMLabForCausalLM(config).eval()
    wrapped.reasoner.load_state_dict(reasoner.state_dict())
    settings = wrapped.generation_config
    # So that temperature= means something: without sampling it would be ignored.
    settings.do_sample, settings.max_new_tokens = True, min(64, sequence_length // 2)
    return wrapped, made


def _tokenizer(
    asked: str | PreTrainedTokenizerBase, *, texts: Iterable[str] | None, vocab_size: int, sequence_length: int
) -> PreTrainedTokenizerBase:
    if not isinstance(asked, str):
        return asked
    if asked == "bytes":
        return byte_tokenizer(sequence_length=sequence_length)
    if asked == "bpe":
        if texts is None:
            raise UserError("tokenizer=bpe is learned from texts; give texts=[...], or use tokenizer=bytes")
        return trained_tokenizer(texts, vocabulary_size=vocab_size, sequence_length=sequence_length)
    return any_tokenizer(asked)


def _section(model: str) -> dict[str, Any]:
    """The plain values of a file of conf/model; what it leaves to size and regime is left to the constructor's defaults."""
    file = config_file("model", model)
    if file is None:
        raise UserError(f"model={model} is no choice; there are {', '.join(choices('model'))}")
    return {key: value for key, value in read_yaml(file).items() if value is not None and not str(value).startswith("${")}


def _arguments(kind: type[Reasoner]) -> set[str]:
    """The keys that a reasoner's section may have."""
    options = options_of(kind)
    own = inspect.signature(kind).parameters.keys() - options.keys() - {"task"}
    return {*own, *(field.name for option in options.values() for field in fields(option))}
