"""Tokenizers of transformers: this project's own, one learned offline, or any other, with the tokens of reasoning as an option."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tokenizers import Tokenizer as Inner
from tokenizers.processors import TemplateProcessing
from transformers import AddedToken, AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

from hrmlab.core.errors import UserError
from hrmlab.data.written.tokenizer import (
    END,
    PAD,
    PROBLEM,
    REASONING_TOKENS,
    SOLUTION,
    SPECIAL_TOKENS,
    ByteTokenizer,
    LibraryTokenizer,
    Tokenizer,
    train_bpe,
)


def hugging_face_tokenizer(tokenizer: Tokenizer, *, sequence_length: int, reasoning: bool = False) -> PreTrainedTokenizerFast:
    """A tokenizer of this project as one of transformers: the same ids for the same text.

    A text becomes ``<problem> text <solution>``, what a model reads before it writes; a pair of texts a whole document,
    ``<problem> first <solution> second <end>``. Special tokens that a text itself spells out are read as such.

    Args:
        tokenizer: bytes, or one of the ``tokenizers`` library.
        sequence_length: the most tokens of a row.
        reasoning: add :data:`REASONING_TOKENS`, at the end of the vocabulary.

    Raises:
        UserError: a tokenizer of another kind, or one whose vocabulary holds our special tokens already.
    """
    if isinstance(tokenizer, ByteTokenizer):
        characters = bytes_to_unicode()
        own: dict[str, Any] = {"type": "BPE", "vocab": {characters[byte]: byte for byte in range(256)}, "merges": []}
        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        described: dict[str, Any] = {"version": "1.0", "model": own, "pre_tokenizer": level, "decoder": level, "added_tokens": []}
    elif isinstance(tokenizer, LibraryTokenizer):
        described = json.loads(tokenizer.to_text())
    else:
        raise UserError(
            f"{type(tokenizer).__name__} is no tokenizer that transformers could have; use data.tokenizer=bytes, bpe or a tokenizer.json"
        )
    inner = Inner.from_str(json.dumps(_shifted(described)))
    inner.add_special_tokens(list(SPECIAL_TOKENS))
    _, problem, solution, end = SPECIAL_TOKENS
    inner.post_processor = TemplateProcessing(  # pyright: ignore[reportAttributeAccessIssue]
        single=f"{problem} $A {solution}",
        pair=f"{problem} $A {solution} $B {end}",
        special_tokens=[(problem, PROBLEM), (solution, SOLUTION), (end, END)],
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=SPECIAL_TOKENS[PAD],
        bos_token=problem,
        eos_token=end,
        extra_special_tokens=[solution],
        padding_side="left",
        model_max_length=sequence_length,
        clean_up_tokenization_spaces=False,
    )
    if reasoning:
        _add(made, REASONING_TOKENS)
    return made


def _shifted(described: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a tokenizer whose ids are moved up by the special tokens, which come first."""
    shift, model = len(SPECIAL_TOKENS), dict(described["model"])
    special = dict(zip(SPECIAL_TOKENS, range(shift), strict=True))
    vocabulary = model["vocab"]
    listed = isinstance(vocabulary, list)
    known = {entry[0] for entry in vocabulary} if listed else set(vocabulary)
    known |= {token["content"] for token in described["added_tokens"]}
    if taken := sorted(known & special.keys()):
        raise UserError(f"the tokenizer has a token {taken[0]} of its own, which is one of ours too; rename it in its tokenizer.json")
    if listed:
        model["vocab"] = [*([token, -1e9] for token in SPECIAL_TOKENS), *vocabulary]
        if model.get("unk_id") is not None:
            model["unk_id"] += shift
    else:
        model["vocab"] = {**special, **{token: number + shift for token, number in vocabulary.items()}}
    added = [{**token, "id": token["id"] + shift} for token in described["added_tokens"]]
    return {**described, "model": model, "added_tokens": added, "post_processor": None, "padding": None, "truncation": None}


def byte_tokenizer(*, sequence_length: int = 512, reasoning: bool = True) -> PreTrainedTokenizerFast:
    """One token for each byte of UTF-8; see :func:`hugging_face_tokenizer`."""
    return hugging_face_tokenizer(ByteTokenizer(), sequence_length=sequence_length, reasoning=reasoning)


def trained_tokenizer(
    texts: Iterable[str], *, vocabulary_size: int, sequence_length: int = 512, reasoning: bool = True
) -> PreTrainedTokenizerFast:
    """Byte-level byte-pair encoding learned from these texts, without any download; see :func:`hugging_face_tokenizer`.

    Args:
        texts: those of the training.
        vocabulary_size: ids in all, the special ones and those of reasoning included; fewer where the texts have fewer pairs.
        sequence_length: the most tokens of a row.
        reasoning: add :data:`REASONING_TOKENS`.
    """
    learned = train_bpe(texts, vocabulary_size=vocabulary_size - len(REASONING_TOKENS) * reasoning)
    return hugging_face_tokenizer(learned, sequence_length=sequence_length, reasoning=reasoning)


def any_tokenizer(name: str, *, reasoning: bool = True) -> PreTrainedTokenizerBase:
    """A tokenizer by its name on the Hugging Face hub or its folder, made ready for writing: padded on the left.

    Args:
        name: such as ``microsoft/Phi-3-mini-4k-instruct``, or a folder.
        reasoning: add :data:`REASONING_TOKENS`; those that it has already stay as they are.

    Raises:
        UserError: there is none, or the hub cannot be reached.
    """
    try:
        made = AutoTokenizer.from_pretrained(name, padding_side="left")
    except Exception as error:  # whatever the hub, its client or the file gives rise to
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"tokenizer={name} cannot be had ({reason}); check its name and the network, or give a folder with a tokenizer, or bytes"
        ) from None
    if made.pad_token is None:
        made.pad_token = made.eos_token
    if reasoning:
        _add(made, REASONING_TOKENS)
    return made


def token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    """The id of a token by its text.

    Raises:
        UserError: the vocabulary has none of that name.
    """
    number = tokenizer.get_vocab().get(token)
    if number is None:
        special = ", ".join(tokenizer.all_special_tokens)
        raise UserError(f"the tokenizer knows no token {token!r}; its special tokens are {special}")
    return number


def _add(tokenizer: PreTrainedTokenizerBase, tokens: Iterable[str]) -> None:
    for token in tokens:
        if token not in tokenizer.get_vocab():
            tokenizer.add_tokens(AddedToken(token, special=True, normalized=False), special_tokens=True)
