"""What transformers does with a language model, done with ours: ways of writing, training, and bad input.

Its own common tests of models are run by ``test_hf_mixins.py``; those of writing (GenerationTesterMixin) only where somebody has a clone of
transformers, so what they check is checked here and in ``test_hf_inside.py`` too.
"""

import json
from pathlib import Path
from typing import Any

import arm_contract as contract
import pytest
import torch

from hrmlab.core.errors import UserError
from hrmlab.layers.likelihood import LossKind, log_probabilities
from hrmlab.models.hrm import HRM

transformers = pytest.importorskip("transformers", reason="make test-hf installs the extra hf and runs these tests")
hf = pytest.importorskip("hrmlab.hugging_face")
thoughts, batch_of = hf.segments.thoughts, hf.segments.batch_of

V, S = 17, 24


def small(*, likelihood: str = "softmax", **options: Any) -> Any:
    """A model with disturbed weights, so that tokens follow each other in no simple way."""
    few = {"max_segments": 2, "h_layers": 1, "l_layers": 1, **options}
    reasoner = contract.make(HRM, "causal", few, vocabulary=V, length=S)
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model = hf.HRMLabForCausalLM(hf.config_of(reasoner, likelihood=likelihood, pad_token_id=0)).eval()
    model.reasoner.load_state_dict(reasoner.state_dict())
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    return small()


BATCH = {
    "input_ids": torch.tensor([[0, 0, 0, 1, 5, 2], [1, 9, 9, 4, 12, 2]]),
    "attention_mask": torch.tensor([[0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 1, 1]]),
}
GREEDY = {"do_sample": False, "max_new_tokens": 10}


# ---- writing ---------------------------------------------------------------------------------------------------------------------------


def likelihood_of(model: Any, row: torch.Tensor, prompt: int) -> float:
    log_p = model(row[None]).logits[0, prompt - 1 : -1].log_softmax(-1)
    return float(log_p.gather(1, row[prompt:, None]).sum())


def test_beams_find_likelier_answers_and_padding_changes_none(model: Any) -> None:
    with torch.no_grad():
        settings = {**GREEDY, "num_beams": 4, "length_penalty": 0.0}
        found = model.generate(**BATCH, **settings)
        assert torch.equal(found, model.generate(**BATCH, **settings, use_cache=False))
        assert torch.equal(found[:1, 3:], model.generate(BATCH["input_ids"][:1, 3:], **settings))
        greedy = model.generate(**BATCH, **GREEDY)
        for first, one, other in ((3, found[0], greedy[0]), (0, found[1], greedy[1])):
            assert likelihood_of(model, one[first:], 6 - first) >= likelihood_of(model, other[first:], 6 - first) - 1e-4
        several = model.generate(**BATCH, **settings, num_return_sequences=3)
        assert several.shape == (6, 16)
        assert torch.equal(several[::3], found)


@pytest.mark.parametrize("likelihood", ["softmax", "stablemax"])
def test_samples_have_the_probabilities_that_the_model_was_trained_with(likelihood: LossKind) -> None:
    model = small(likelihood=likelihood)
    prompt = torch.tensor([[1, 5, 2]])
    with torch.no_grad():
        *_, (_, _, prediction) = thoughts(model.reasoner, batch_of(prompt), 2, positions=3)
    log_p = log_probabilities(prediction.logits[0, -1], likelihood)
    torch.testing.assert_close(model(prompt).logits[0, -1].log_softmax(-1).double(), log_p.double(), rtol=0, atol=1e-5)
    for temperature in (1.0, 0.5):
        torch.manual_seed(0)
        settings = {"do_sample": True, "top_k": 0, "temperature": temperature, "max_new_tokens": 1, "num_return_sequences": 4000}
        drawn = model.generate(prompt, **settings)[:, 3]
        expected = (log_p / temperature).softmax(-1)
        assert (drawn.bincount(minlength=V) / 4000 - expected).abs().max() < 0.03
    torch.manual_seed(0)
    again = model.generate(prompt, do_sample=True, max_new_tokens=8)
    torch.manual_seed(0)
    assert torch.equal(again, model.generate(prompt, do_sample=True, max_new_tokens=8))


def test_every_way_of_writing_greedily_writes_the_same(model: Any) -> None:
    """With a static cache, guessed ahead from the prompt or by another model (whose wrong guesses are cut from the cache), in two parts,
    and with a prefix before the row."""
    prompt = torch.tensor([[1, 5, 2, 5, 2, 5]])
    expected = model.generate(prompt, **GREEDY)
    assert torch.equal(model.generate(prompt, **GREEDY, prompt_lookup_num_tokens=3), expected)
    assert torch.equal(model.generate(prompt, **GREEDY, assistant_model=small(h_cycles=1)), expected)
    assert torch.equal(model.generate(prompt, **GREEDY, cache_implementation="static"), expected)
    assert torch.equal(model.generate(**BATCH, **GREEDY, cache_implementation="static"), model.generate(**BATCH, **GREEDY))
    half = model.generate(prompt, do_sample=False, max_new_tokens=4, return_dict_in_generate=True, output_logits=True, output_scores=True)
    assert [tuple(part.shape) for part in (*half.logits, *half.scores)] == [(1, V)] * 8
    assert half.cache.get_seq_length() == 9
    assert len(half.cache.layers) == model.config.num_hidden_layers
    assert torch.equal(model.generate(half.sequences, do_sample=False, max_new_tokens=6, cache=half.cache), expected)
    prefixed = small(puzzle_embedding_size=40)
    with torch.no_grad():
        prefixed.reasoner.embedding.puzzle.weight.normal_()
    for beams in (1, 3):
        cached = prefixed.generate(**BATCH, **GREEDY, num_beams=beams)
        assert torch.equal(cached, prefixed.generate(**BATCH, **GREEDY, num_beams=beams, use_cache=False))


def test_writing_begins_with_nothing_goes_on_from_a_padded_cache_and_is_repeated(model: Any) -> None:
    begun = model.generate(**GREEDY, bos_token_id=1)
    assert torch.equal(begun, model.generate(torch.tensor([[1]]), **GREEDY))
    # Two calls with a cache between them write what one call writes, padding on the left included.
    settings = {"do_sample": False, "return_dict_in_generate": True, "output_logits": True}
    whole = model.generate(**BATCH, **settings, max_new_tokens=8)
    half = model.generate(**BATCH, **settings, max_new_tokens=3)
    mask = torch.nn.functional.pad(BATCH["attention_mask"], (0, 3), value=1)
    rest = model.generate(half.sequences, attention_mask=mask, cache=half.cache, **settings, max_new_tokens=5)
    assert torch.equal(rest.sequences, whole.sequences)
    torch.testing.assert_close(torch.stack((*half.logits, *rest.logits)), torch.stack(whole.logits), rtol=0, atol=1e-5)
    # Sampled in every way, the same again from the same seed; of several answers each is one of its own.
    for way in ({}, {"num_beams": 3}, {"assistant_model": small(h_cycles=1)}, {"prompt_lookup_num_tokens": 2}):
        batch = {name: values[1:] for name, values in BATCH.items()} if "num_beams" not in way and way else BATCH
        drawn = []
        for _ in range(2):
            torch.manual_seed(0)
            drawn.append(model.generate(**batch, do_sample=True, temperature=2.0, max_new_tokens=8, return_dict_in_generate=True, **way))
        assert torch.equal(drawn[0].sequences, drawn[1].sequences)
        assert drawn[0].sequences.shape == (len(batch["input_ids"]), 14)
    found = model.generate(**BATCH, **settings, max_new_tokens=8, num_beams=4, num_return_sequences=2, output_scores=True)
    assert found.sequences_scores.shape == (4,)
    assert (found.sequences_scores[::2] >= found.sequences_scores[1::2]).all()
    # The end that a guess holds ends the answer, and nothing of the guess after it is kept.
    prompt = torch.tensor([[1, 5, 2, 5, 2, 5]])
    plain = model.generate(prompt, **GREEDY)[0, 6:].tolist()
    ended = model.generate(prompt, **GREEDY, eos_token_id=plain[4], prompt_lookup_num_tokens=3)[0, 6:].tolist()
    assert ended == plain[: plain.index(plain[4]) + 1]


def test_an_answer_ends_at_its_end_token_or_a_stop_string() -> None:
    model, tokenizer = hf.create_hrm_model_and_tokenizer(32, 2, max_cycles=2, planner_layers=1, worker_layers=1, sequence_length=64)
    inputs = tokenizer(["1 + 1", "What is 15 + 27?"], return_tensors="pt", padding=True)
    start, settings = inputs["input_ids"].shape[1], {"do_sample": False, "max_new_tokens": 12}
    new = model.generate(**inputs, **settings, eos_token_id=None)[:, start:]
    end = int(new[0, 2])
    ended = model.generate(**inputs, **settings, eos_token_id=end)[:, start:]
    for row, whole in zip(ended.tolist(), new.tolist(), strict=True):
        kept = whole[: whole.index(end) + 1] if end in whole else whole
        assert row == (kept + [0] * 12)[: ended.shape[1]]
    # A stop string ends the answer with the first token that completes it. Bytes that are no text are shown as U+FFFD, so one is made up.
    wanted = tokenizer("4", add_special_tokens=False)["input_ids"][0]
    processors = transformers.LogitsProcessorList([_Says(wanted, at=start + 3)])
    stopped = model.generate(**inputs, **settings, eos_token_id=None, stop_strings=["4"], tokenizer=tokenizer, logits_processor=processors)[
        :, start:
    ]
    assert stopped.shape == (2, 4)
    assert stopped[:, 3].tolist() == [wanted] * 2


class _Says(transformers.LogitsProcessor):
    """Makes every row say a token when it has so many."""

    def __init__(self, token: int, *, at: int) -> None:
        self.token, self.at = token, at

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        said = torch.full_like(scores, float("-inf"))
        said[:, self.token] = 0.0
        return said if input_ids.shape[1] == self.at else scores


def test_outputs(model: Any) -> None:
    tokens = BATCH["input_ids"][:, 3:]
    whole = model(tokens).logits
    assert torch.equal(model(tokens, return_dict=False)[0], whole)
    assert torch.equal(model(tokens, logits_to_keep=2).logits, whole[:, -2:])
    assert torch.equal(model(tokens, logits_to_keep=torch.tensor([0])).logits, whole[:, :1])
    torch.testing.assert_close(model(tokens, use_cache=True).logits, whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(model(tokens[:1]).logits, whole[:1], rtol=0, atol=1e-5)
    with pytest.raises(TypeError, match="position_ids"):
        model(tokens, position_ids=tokens)
    with pytest.raises(ValueError, match="max_cycle"):
        model.generate(tokens, max_cycle=1)


# ---- training --------------------------------------------------------------------------------------------------------------------------


def test_batches_that_accumulate_are_one_batch(model: Any) -> None:
    tokens = torch.randint(V, (4, 9), generator=torch.Generator().manual_seed(0))
    labels = tokens.clone()
    labels[0, :6] = -100
    items = int((labels[:, 1:] != -100).sum())
    model.train()
    whole = model(tokens, labels=labels).loss
    parts = [model(tokens[rows], labels=labels[rows], num_items_in_batch=items).loss for rows in (slice(0, 1), slice(1, 4))]
    torch.testing.assert_close(torch.stack(parts).sum(), whole)
    model.eval()
    parts = [model(tokens[rows], labels=labels[rows], num_items_in_batch=items).loss for rows in (slice(0, 1), slice(1, 4))]
    torch.testing.assert_close(torch.stack(parts).sum(), model(tokens, labels=labels).loss)


def test_the_trainer_learns_saves_and_goes_on(tmp_path: Path) -> None:
    model = small()
    rows = [{"input_ids": [1, *[number % 5 + 4] * 6, 3]} for number in range(8)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=12,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        activation_checkpointing=True,
        learning_rate=1e-2,
        logging_steps=4,
        save_steps=8,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )

    def trainer(model: Any) -> Any:
        tokenizer = hf.byte_tokenizer(sequence_length=S)
        collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
        return transformers.Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collator)

    one = trainer(model)
    one.train()
    losses = [entry["loss"] for entry in one.state.log_history if "loss" in entry]
    assert losses[-1] < losses[0]
    kept = hf.HRMLabForCausalLM.from_pretrained(tmp_path / "checkpoint-12").eval()
    tokens = torch.tensor([rows[0]["input_ids"]])
    torch.testing.assert_close(kept(tokens).logits, model.eval()(tokens).logits, rtol=0, atol=1e-6)
    other = small()
    trainer(other).train(resume_from_checkpoint=str(tmp_path / "checkpoint-8"))
    torch.testing.assert_close(other.eval()(tokens).logits, model(tokens).logits, rtol=1e-4, atol=1e-4)


# ---- bad input -------------------------------------------------------------------------------------------------------------------------


def test_rows_that_are_too_long_are_answered_in_one_sentence(model: Any) -> None:
    row = torch.full((1, S), 5)
    with pytest.raises(UserError, match="the prompt has 24 tokens, and this model can read 24"):
        model.generate(row)
    with pytest.raises(UserError, match="a row has 25 tokens, more than the 24"):
        model(torch.full((1, S + 1), 5))
    cache = model(row, use_cache=True).cache
    with pytest.raises(UserError, match="a row has 25 tokens"):
        model(row[:, :1], cache=cache)
    padded = torch.nn.functional.pad(row[:, 1:], (10, 0))
    assert model.generate(padded, attention_mask=(padded != 0).long(), max_new_tokens=5).shape == (1, 34)


def test_a_folder_of_something_else_is_named(model: Any, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    model.save_pretrained(folder)
    described = json.loads((folder / "config.json").read_text())

    def changed(**keys: Any) -> None:
        (folder / "config.json").write_text(json.dumps({**described, **keys}))

    changed(vocab_size=V + 3)
    with pytest.raises(
        UserError, match=r"does not fit its configuration: reasoner\.embedding\.token\.weight is \(17, 32\) there, \(20, 32\)"
    ):
        hf.HRMLabForCausalLM.from_pretrained(folder)
    changed(reasoner={**described["reasoner"], "shared_levels": False, "_target_": "hrmlab.models.transformer.Transformer"})
    with pytest.raises(UserError, match="does not fit Transformer"):
        hf.HRMLabForCausalLM.from_pretrained(folder)
    for target in ("os.system", "hrmlab.core.task.TaskSpec"):
        changed(reasoner={"_target_": target, "command": f"touch {tmp_path / 'broken'}"})
        with pytest.raises(UserError, match="is no reasoner of hrmlab"):
            hf.HRMLabForCausalLM.from_pretrained(folder)
    assert not (tmp_path / "broken").exists()
    changed(reasoner={**described["reasoner"], "h_layers": 2})
    with pytest.raises(UserError, match="lacks weights of this model"):
        hf.HRMLabForCausalLM.from_pretrained(folder)
    changed(task={**described["task"], "attention": "full"})
    with pytest.raises(UserError, match="sees the future"):
        hf.HRMLabForCausalLM.from_pretrained(folder)
    with pytest.raises(UserError, match="needs reasoner= and task="):
        hf.HRMLabForCausalLM(hf.HRMLabConfig())
