"""Tokenizers, documents, padded and packed rows."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrmlab.core.batches import Batch
from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.data.code.encoding import Document, document, fits, packed_rows, padded_rows
from hrmlab.data.written.record import CodeRecord
from hrmlab.data.written.tokenizer import END, PAD, PROBLEM, SOLUTION, ByteTokenizer, clip_left, from_text, pretrained, train_bpe
from hrmlab.models.transformer import Transformer


def record(prompt: str, solution: str) -> CodeRecord:
    return CodeRecord("t", prompt, solution, "", "f", 1, "integers", "0" * 16, ())


BPE = train_bpe(["def f(x):\n    return x + 1\n", "def solve(values):\n    return sum(values)\n"] * 20, vocabulary_size=300)


@given(st.text(max_size=60))
def test_every_tokenizer_gives_back_what_it_read(text: str) -> None:
    for tokenizer in (ByteTokenizer(), BPE):
        ids = tokenizer.encode(text)
        assert all(4 <= token < tokenizer.vocabulary_size for token in ids)
        assert tokenizer.decode([PROBLEM, *ids, END, PAD]) == text


def test_lone_surrogates_are_replaced_and_broken_bytes_decode() -> None:
    for tokenizer in (ByteTokenizer(), BPE):
        assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a?b"
    assert ByteTokenizer().decode([4 + 0xC3]) == "\N{REPLACEMENT CHARACTER}"


def test_bpe_is_learned_from_its_texts_kept_as_text_and_the_same_every_time() -> None:
    again = train_bpe(["def f(x):\n    return x + 1\n", "def solve(values):\n    return sum(values)\n"] * 20, vocabulary_size=300)
    other = train_bpe(["completely different words"] * 20, vocabulary_size=300)
    kept = from_text(BPE.to_text(), vocabulary_size=300)
    assert again.fingerprint == BPE.fingerprint == kept.fingerprint != other.fingerprint
    assert kept.encode("def f(values):") == BPE.encode("def f(values):")
    assert len(BPE.encode("    return x + 1\n")) < len("    return x + 1\n") / 2
    assert BPE.vocabulary_size == 300


@pytest.mark.parametrize("size", [100, 259, 60_000])
def test_impossible_vocabularies_are_refused(size: int) -> None:
    with pytest.raises(UserError, match=f"vocabulary_size={size}.*260.*50257"):
        train_bpe(["a"], vocabulary_size=size)


def test_a_tokenizer_file_is_read_and_a_bad_one_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "tokenizer.json", tmp_path / "bad.json"
    good.write_text(BPE.to_text())
    bad.write_text("{}")
    assert pretrained(str(good)).encode("return") == BPE.encode("return")
    with pytest.raises(UserError, match="is not a tokenizer"):
        pretrained(str(bad))
    with pytest.raises(UserError, match="no such file"):
        pretrained(str(tmp_path / "none.json"))


def test_only_the_solution_and_its_end_are_asked() -> None:
    tokenizer = ByteTokenizer()
    item = document(record("ab", "xyz"), tokenizer)
    assert item.ids == [PROBLEM, *tokenizer.encode("ab"), SOLUTION, *tokenizer.encode("xyz"), END]
    rows = padded_rows([item], sequence_length=10, asked="solution")
    assert rows.inputs[0].tolist() == [*item.ids[:-1], PAD, PAD, PAD]
    assert rows.labels[0].tolist() == [IGNORED_LABEL] * 3 + [*tokenizer.encode("xyz"), END] + [IGNORED_LABEL] * 3
    everything = padded_rows([item], sequence_length=10, asked="everything")
    assert everything.labels[0].tolist() == [*item.ids[1:], IGNORED_LABEL, IGNORED_LABEL, IGNORED_LABEL]
    assert fits(item, 7)
    assert not fits(item, 6)


def test_clipping_keeps_the_special_token_and_the_end() -> None:
    assert clip_left([1, 10, 11, 12, 13], 5) == [1, 10, 11, 12, 13]
    assert clip_left([1, 10, 11, 12, 13], 3) == [1, 12, 13]


documents = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 12)).map(
        lambda sizes: Document([PROBLEM, *range(10, 10 + sizes[0]), SOLUTION, *range(50, 50 + sizes[1]), END], sizes[0] + 2)
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=50)
@given(documents, st.sampled_from(["solution", "everything"]), st.integers(0, 3))
def test_packing_loses_nothing_and_asks_the_same(items: list[Document], asked: str, seed: int) -> None:
    packed = packed_rows(items, sequence_length=32, asked=asked, seed=seed)  # type: ignore[arg-type]
    padded = padded_rows(items, sequence_length=32, asked=asked)  # type: ignore[arg-type]

    def pairs(rows: tuple[np.ndarray, np.ndarray]) -> list[tuple[int, ...]]:
        found = []
        for inputs, labels in zip(*rows, strict=True):
            starts = [*np.flatnonzero(inputs == PROBLEM).tolist(), len(inputs)]
            for start, stop in pairwise(starts):
                kept = inputs[start:stop] != PAD
                found.append((*inputs[start:stop][kept].tolist(), -1, *labels[start:stop][kept].tolist()))
        return sorted(found)

    assert pairs(packed) == pairs(padded)
    assert len(packed.inputs) <= len(items)
    again = packed_rows(items, sequence_length=32, asked=asked, seed=seed)  # type: ignore[arg-type]
    assert np.array_equal(packed.inputs, again.inputs)


@pytest.mark.parametrize("positions", ["rope", "learned", "none"])
def test_packed_documents_do_not_see_each_other(positions: str) -> None:
    torch.manual_seed(0)
    task = TaskSpec(name="t", sequence_length=32, vocabulary_size=80, attention="causal", next_token=True, document_start=PROBLEM)
    model = call(Transformer, task=task, hidden_size=32, num_heads=2, mlp_width=40, layers=2, positions=positions).eval()
    items = [Document([PROBLEM, *range(10, 10 + n), SOLUTION, *range(50, 50 + n), END], n + 2) for n in (3, 5, 4)]

    def logits(rows: np.ndarray) -> torch.Tensor:
        inputs = torch.from_numpy(rows).long()
        with torch.no_grad():
            return model(model.initial_carry(len(inputs)), Batch(inputs, inputs, inputs[:, 0]))[1].logits

    alone = logits(padded_rows(items, sequence_length=32, asked="solution").inputs)
    packed = packed_rows(items, sequence_length=32, asked="solution", seed=0)
    assert len(packed.inputs) == 1
    together = logits(packed.inputs)[0]
    for number, item in enumerate(items):
        length = len(item.ids) - 1
        row = packed.inputs[0].tolist()
        start = next(at for at in range(32) if row[at : at + length] == item.ids[:-1])
        torch.testing.assert_close(together[start : start + length], alone[number, :length], atol=1e-5, rtol=1e-5)
