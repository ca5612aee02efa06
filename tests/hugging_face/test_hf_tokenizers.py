"""Our tokenizers in transformers, any tokenizer of a folder, and the quick start that makes a model for one."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer as Inner
from tokenizers import models, pre_tokenizers, trainers

from hrmlab.core.errors import UserError
from hrmlab.data.code.encoding import prompt_ids
from hrmlab.data.written.tokenizer import ByteTokenizer, LibraryTokenizer, Tokenizer, pretrained, train_bpe

transformers = pytest.importorskip("transformers", reason="make test-hf installs the extra hf and runs these tests")
hf = pytest.importorskip("hrmlab.hugging_face")

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "hugging_face.md"
S = 24
TEXTS = ["What is 15 + 27? 42", "Größer 😀 <think> so </think>", "def add(a, b):\n    return a + b\n"] * 3


def local_tokenizers(folder: Path) -> dict[str, Tokenizer]:
    """One of each kind that the tokenizers library has, as files."""
    found: dict[str, Tokenizer] = {"bytes": ByteTokenizer(), "bpe": train_bpe(TEXTS, vocabulary_size=290)}
    kinds: dict[str, Any] = {
        "unigram": (
            models.Unigram(),
            trainers.UnigramTrainer(vocab_size=60, unk_token="[UNK]", special_tokens=["[UNK]"], show_progress=False),
        ),
        "wordpiece": (
            models.WordPiece(unk_token="[UNK]"),
            trainers.WordPieceTrainer(special_tokens=["[UNK]"], vocab_size=80, show_progress=False),
        ),
        "wordlevel": (models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False)),
    }
    for name, (kind, trainer) in kinds.items():
        inner = Inner(kind)
        inner.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
        inner.train_from_iterator(TEXTS, trainer)
        inner.save(str(folder / f"{name}.json"))
        found[name] = pretrained(str(folder / f"{name}.json"))
    return found


def test_a_tokenizer_of_ours_has_the_same_ids_in_transformers(tmp_path: Path) -> None:
    for name, ours in local_tokenizers(tmp_path).items():
        theirs = hf.hugging_face_tokenizer(ours, sequence_length=S, reasoning=True)
        theirs.save_pretrained(tmp_path / name)
        for tokenizer in (theirs, transformers.AutoTokenizer.from_pretrained(tmp_path / name)):
            for text in (TEXTS[0], TEXTS[2], "Größer 😀", " two  spaces\t", "", "né\u0301 中"):
                assert tokenizer(text)["input_ids"] == prompt_ids(text, ours), (name, text)
                if name in ("bytes", "bpe"):
                    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
            first = ours.vocabulary_size if name != "bpe" else len(theirs) - 4
            assert [hf.tokens.token_id(tokenizer, token) for token in hf.REASONING_TOKENS] == list(range(first, first + 4))
            assert tokenizer("<think>", add_special_tokens=False)["input_ids"] == [first]
            pair = tokenizer("a", "b")["input_ids"]
            assert pair == [*prompt_ids("a", ours), *ours.encode("b"), 3]
            assert (tokenizer.model_max_length, tokenizer.padding_side) == (S, "left")
    taken = Inner(models.WordLevel({"<end>": 0}, unk_token="<end>"))
    with pytest.raises(UserError, match="token <end> of its own"):
        hf.hugging_face_tokenizer(LibraryTokenizer(taken, name="taken"), sequence_length=S)


def test_any_tokenizer_gets_the_tokens_of_reasoning(tmp_path: Path) -> None:
    """A vocabulary as large as that of the source's tokenizer, 32,021 and four more, from a folder as the hub would give it."""
    inner = Inner(models.WordLevel({f"w{number}": number for number in range(32_020)} | {"</s>": 32_020}, unk_token="w0"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    transformers.PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="</s>").save_pretrained(tmp_path / "local")
    model, tokenizer = hf.create_hrm_model_and_tokenizer(
        16, 2, tokenizer=str(tmp_path / "local"), end="</SOLUTION>", model="transformer", layers=1
    )
    assert len(tokenizer) == model.config.vocab_size == 32_025
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("</s>", "left")
    assert tokenizer("<think> w5 </think>")["input_ids"] == [32_021, 5, 32_022]
    assert model.generation_config.eos_token_id == 32_024
    with pytest.raises(UserError, match="knows no token '<answer>'"):
        hf.create_hrm_model_and_tokenizer(16, 2, tokenizer=tokenizer, end="<answer>")


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set:UserWarning")
def test_the_programs_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        exec(compile(program, str(DOCUMENTATION), "exec"), {})
    assert capsys.readouterr().out.startswith("What is 15 + 27?")
    assert (tmp_path / "trained" / "model" / "model.safetensors").is_file()


def test_the_quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = hf.create_hrm_model_and_tokenizer(d_model=32, n_heads=4, max_cycles=3)
    assert (model.config.hidden_size, model.config.num_attention_heads, model.reasoner.cycles) == (32, 4, 3)
    learned, bpe = hf.create_hrm_model_and_tokenizer(32, 2, model="hrm", tokenizer="bpe", texts=TEXTS, vocab_size=300, max_segments=3)
    assert len(bpe) == learned.config.vocab_size <= 300
    assert learned.reasoner.max_segments == 3
    writer = transformers.pipeline("text-generation", model=learned, tokenizer=bpe)
    (told,) = writer("What is", max_new_tokens=3)
    assert told["generated_text"].startswith("What is")
    settings = {"do_sample": False, "max_new_tokens": 3}
    (whole,), (answer,) = writer("What is", **settings), writer("What is", **settings, return_full_text=False)
    assert whole["generated_text"] == "What is" + answer["generated_text"]
    # Several answers each to a batch of prompts of different lengths; one that is alone in its batch is answered as it is among others.
    several = writer(["What is", "def add(a, b):"], max_new_tokens=3, num_return_sequences=2, batch_size=2)
    assert [[set(one) for one in answers] for answers in several] == [[{"generated_text"}] * 2] * 2
    together = writer(["What is", "def add(a, b):", "42"], **settings, batch_size=2)
    assert together == [writer(prompt, **settings) for prompt in ("What is", "def add(a, b):", "42")]
    again, _ = hf.create_hrm_model_and_tokenizer(32, 2, model="hrm", tokenizer=bpe, max_segments=3)
    for one, other in zip(learned.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    # Only causal arms with what was asked for, and words that exist.
    for words, said in (
        ({"model": "mlp_mixer"}, "full attention alone"),
        ({"model": "transformer", "max_cycles": 2}, "has none"),
        ({"model": "hmr"}, "no choice"),
        ({"d_modle": 2}, "takes no d_modle"),
        ({"tokenizer": "bpe"}, "learned from texts"),
    ):
        with pytest.raises(UserError, match=said):
            hf.create_hrm_model_and_tokenizer(32, 2, **words)
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="tokenizer=nobody/nothing cannot be had"):
        hf.create_hrm_model_and_tokenizer(32, 2, tokenizer="nobody/nothing")
