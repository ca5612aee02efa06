"""Text to token ids and back. Every tokenizer has the same four special tokens in front of its own."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hrmlab.core.errors import MissingExtra, UserError

PAD, PROBLEM, SOLUTION, END = range(4)
"""Special tokens: filling, the beginning of a problem (and so of a document), of its solution, and the solution's end."""

SPECIAL_TOKENS = ("<pad>", "<problem>", "<solution>", "<end>")
REASONING_TOKENS = ("<think>", "</think>", "<SOLUTION>", "</SOLUTION>")
"""What encloses a chain of thought and an answer."""
LARGEST_VOCABULARY = 50_257


class Tokenizer(ABC):
    """A reversible map between text and ids; ids below ``len(SPECIAL_TOKENS)`` are special and never come from text.

    Attributes:
        name: for labels and records.
        vocabulary_size: number of ids, the special ones included.
    """

    name: str
    vocabulary_size: int

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Ids of a text; no special ones. What the tokenizer cannot hold (a lone surrogate) is replaced."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; special tokens are left out, broken UTF-8 becomes U+FFFD."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """16 hex digits; equal for tokenizers that give equal ids."""

    def facts(self) -> dict[str, Any]:
        """What a run records of its tokenizer."""
        return {"name": self.name, "vocabulary_size": self.vocabulary_size, "fingerprint": self.fingerprint}


class ByteTokenizer(Tokenizer):
    """One token for each byte of UTF-8."""

    name = "bytes"
    vocabulary_size = len(SPECIAL_TOKENS) + 256

    @property
    def fingerprint(self) -> str:
        return "0" * 16

    def encode(self, text: str) -> list[int]:
        return [byte + len(SPECIAL_TOKENS) for byte in text.encode("utf-8", errors="replace")]

    def decode(self, ids: Iterable[int]) -> str:
        return bytes(token - len(SPECIAL_TOKENS) for token in ids if token >= len(SPECIAL_TOKENS)).decode("utf-8", errors="replace")


class LibraryTokenizer(Tokenizer):
    """A tokenizer of the ``tokenizers`` library; its ids are shifted up by the special tokens.

    Args:
        inner: a ``tokenizers.Tokenizer``.
        name: for labels and records.
        vocabulary_size: null for the tokenizer's own; more leaves ids unused.
    """

    def __init__(self, inner: Any, *, name: str, vocabulary_size: int | None = None) -> None:
        own = inner.get_vocab_size() + len(SPECIAL_TOKENS)
        self._inner, self.name, self.vocabulary_size = inner, name, own if vocabulary_size is None else vocabulary_size

    @property
    def fingerprint(self) -> str:
        return hashlib.blake2b(json.dumps(json.loads(self._inner.to_str()), sort_keys=True).encode(), digest_size=8).hexdigest()

    def encode(self, text: str) -> list[int]:
        text = text.encode("utf-8", errors="replace").decode("utf-8")
        return [token + len(SPECIAL_TOKENS) for token in self._inner.encode(text, add_special_tokens=False).ids]

    def decode(self, ids: Iterable[int]) -> str:
        return self._inner.decode([token - len(SPECIAL_TOKENS) for token in ids if token >= len(SPECIAL_TOKENS)])

    def to_text(self) -> str:
        """The tokenizer as JSON, for :func:`from_text`."""
        return self._inner.to_str()


def train_bpe(texts: Iterable[str], *, vocabulary_size: int) -> LibraryTokenizer:
    """Byte-level byte-pair encoding (Sennrich et al. 2016; the byte alphabet of GPT-2) learned from these texts only.

    Args:
        texts: the training split.
        vocabulary_size: ids in all, special tokens and 256 bytes included; fewer are used where the texts have fewer pairs.
    """
    check_vocabulary_size(vocabulary_size)
    from tokenizers import Tokenizer as Inner
    from tokenizers import decoders, models, pre_tokenizers, trainers

    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    inner.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(SPECIAL_TOKENS), initial_alphabet=alphabet, special_tokens=[], show_progress=False
    )
    inner.train_from_iterator(texts, trainer)
    return LibraryTokenizer(inner, name=f"bpe{vocabulary_size}", vocabulary_size=vocabulary_size)


def character_tokenizer() -> LibraryTokenizer:
    """One token for each printable character of ASCII and the line break, and one for each of :data:`REASONING_TOKENS`; any other character
    is read as ``?``."""
    from tokenizers import AddedToken, decoders, models
    from tokenizers import Tokenizer as Inner

    characters = ["\n", *(chr(code) for code in range(32, 127))]
    inner = Inner(models.BPE(vocab={character: number for number, character in enumerate(characters)}, merges=[], unk_token="?"))
    inner.decoder = decoders.Fuse()  # pyright: ignore[reportAttributeAccessIssue]
    inner.add_tokens([AddedToken(token, normalized=False) for token in REASONING_TOKENS])
    return LibraryTokenizer(inner, name="characters")


def from_text(text: str, *, vocabulary_size: int) -> LibraryTokenizer:
    """What :meth:`LibraryTokenizer.to_text` gave, for a tokenizer of :func:`train_bpe`."""
    from tokenizers import Tokenizer as Inner

    return LibraryTokenizer(Inner.from_str(text), name=f"bpe{vocabulary_size}", vocabulary_size=vocabulary_size)


def check_vocabulary_size(vocabulary_size: int) -> None:
    """Raises :class:`UserError` for a size that byte-pair encoding cannot have."""
    smallest = len(SPECIAL_TOKENS) + 256
    if not smallest <= vocabulary_size <= LARGEST_VOCABULARY:
        raise UserError(
            f"data.vocabulary_size={vocabulary_size} is not possible for byte-pair encoding; it starts from {smallest} (256 bytes and "
            f"{len(SPECIAL_TOKENS)} special tokens) and may have up to {LARGEST_VOCABULARY}"
        )


def pretrained(name: str) -> LibraryTokenizer:
    """A tokenizer of the Hugging Face hub by name (``gpt2``), or a local tokenizer.json by its path.

    Raises:
        UserError: no such file, not a tokenizer, or the hub cannot be reached.
    """
    try:
        from tokenizers import Tokenizer as Inner
    except ModuleNotFoundError:
        raise MissingExtra("tokenizers", extra="hub", purpose=f"data.tokenizer={name}") from None
    local = Path(name)
    if name.endswith(".json") or local.is_file():
        if not local.is_file():
            raise UserError(f"data.tokenizer={name}: no such file; give a tokenizer.json, a name on the Hugging Face hub, bytes or bpe")
        try:
            return LibraryTokenizer(Inner.from_file(str(local)), name=local.stem)
        except Exception as error:  # the library raises bare Exception
            raise UserError(f"data.tokenizer={name} is not a tokenizer.json of the tokenizers library ({error})") from None
    try:
        return LibraryTokenizer(Inner.from_pretrained(name), name=name.replace("/", "_"))
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"data.tokenizer={name} cannot be had from the Hugging Face hub ({reason}); check name and network, or use bytes or bpe"
        ) from None


def clip_left(ids: Sequence[int], room: int) -> list[int]:
    """The last ``room`` ids, the first one (the special token) kept in front."""
    return list(ids) if len(ids) <= room else [ids[0], *ids[len(ids) - room + 1 :]]
