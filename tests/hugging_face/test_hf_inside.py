"""What a call lets be seen of itself, and what becomes of weights that no file has."""

from pathlib import Path
from typing import Any

import pytest
import torch
from test_hf_arms import ARMS, S, V, every_arm, model_of, padded, small
from test_hf_library import small as small_hrm

from hrmlab.cli import convert
from hrmlab.core.errors import UserError
from hrmlab.models.enhanced_hrm import EnhancedHRM
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer

transformers = pytest.importorskip("transformers", reason="make test-hf installs the extra hf and runs these tests")
hf = pytest.importorskip("hrmlab.hugging_face")
LOOKED_AT = {"output_hidden_states": True, "output_attentions": True}


@every_arm
def test_states_and_attentions_stand_where_their_tokens_stand(arm: type[Reasoner]) -> None:
    """Padding before a row or behind it changes neither, nor does looking change what is said, nor training what is seen."""
    model = model_of(small(arm))
    tokens = torch.tensor([[1, 9, 3, 4, 12]])
    with torch.no_grad():
        plain, seen = model(tokens), model(tokens, **LOOKED_AT)
        assert plain.hidden_states is plain.attentions is None
        torch.testing.assert_close(seen.logits, plain.logits, rtol=1e-4, atol=1e-5)
        assert len(seen.attentions) == (model.config.num_hidden_layers - 1 if model.remembers else 0)
        assert len(seen.hidden_states) > 1
        for state in seen.hidden_states:
            assert state.shape[:2] == (1, 5)  # some arms have layers of several widths, and numbers of heads
        for weights in seen.attentions:
            assert (len(weights), *weights.shape[2:]) == (1, 5, 5)
            torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
            assert not weights.triu(1).any()
        for left in (True, False):
            filled = torch.nn.functional.pad(tokens, (3, 0) if left else (0, 3))
            mask = torch.nn.functional.pad(torch.ones_like(tokens), (3, 0) if left else (0, 3))
            own = slice(3, None) if left else slice(None, 5)
            for cached in (False, True) if model.remembers else (False,):
                told = model(filled, attention_mask=mask, use_cache=cached, **LOOKED_AT)
                for one, other in zip(told.hidden_states, seen.hidden_states, strict=True):
                    torch.testing.assert_close(one[:, own], other, rtol=1e-3, atol=1e-4)
                for one, other in zip(told.attentions, seen.attentions, strict=True):
                    torch.testing.assert_close(one[:, :, own, own], other, rtol=1e-3, atol=1e-4)
    if not getattr(model.reasoner, "random_loops", False):  # how often it loops is drawn
        trained = model.train()(tokens, labels=tokens, **LOOKED_AT)
        assert len(trained.hidden_states) == len(seen.hidden_states)
        assert len(trained.attentions) == len(seen.attentions)


def test_a_prefix_is_not_shown() -> None:
    model = small_hrm(puzzle_embedding_size=40)
    tokens = torch.tensor([[1, 9, 3, 4, 12]])
    cache, states = None, []
    with torch.no_grad():
        seen = model(tokens, **LOOKED_AT)
        for column in range(5):
            told = model(tokens[:, column : column + 1], cache=cache, use_cache=True, **LOOKED_AT)
            cache = told.cache
            states.append(told.hidden_states[-1])
            assert {weights.shape for weights in told.attentions} == {(1, 2, 1, column + 1)}
    assert {state.shape for state in seen.hidden_states} == {(1, 5, 32)}
    assert {weights.shape for weights in seen.attentions} == {(1, 2, 5, 5)}
    torch.testing.assert_close(torch.cat(states, dim=1), seen.hidden_states[-1], rtol=1e-3, atol=1e-4)


def test_gradient_reaches_what_is_shown_and_plain_attention_is_the_same() -> None:
    model = model_of(small(Transformer))
    tokens = torch.tensor([[1, 9, 3, 4, 12]])
    told = model(tokens, **LOOKED_AT)
    for tensor in (told.hidden_states[0], told.attentions[0]):
        tensor.retain_grad()
    told.logits[0, -1].max().backward()
    assert told.hidden_states[0].grad.any()
    assert told.attentions[0].grad.any()
    model.set_attn_implementation("eager")
    torch.testing.assert_close(model(tokens).logits, told.logits)
    prompts = padded([[1, 5, 2], [1, 9, 9, 3, 4]])
    written = model.generate(**prompts, do_sample=False, max_new_tokens=8)
    model.set_attn_implementation("sdpa")
    assert torch.equal(model.generate(**prompts, do_sample=False, max_new_tokens=8), written)


@pytest.mark.parametrize("arm", [HRM, EnhancedHRM], ids=lambda arm: arm.__name__)
@pytest.mark.parametrize("way", [{"num_beams": 1}, {"num_beams": 3}, {"do_sample": True}], ids=["greedy", "beams", "sampled"])
def test_generate_gives_out_what_it_saw(arm: type[Reasoner], way: dict[str, Any]) -> None:
    model, prompts = model_of(small(arm)), padded([[1, 5, 2], [1, 9, 9, 3, 4]])
    torch.manual_seed(0)
    told = model.generate(**prompts, **{"do_sample": False, **way}, max_new_tokens=4, return_dict_in_generate=True, **LOOKED_AT)
    rows, steps = 2 * way.get("num_beams", 1), told.sequences.shape[1] - 5
    assert len(told.hidden_states) == len(told.attentions) == steps == 4
    for step in range(steps):
        read = 5 if step == 0 else 1
        assert {state.shape for state in told.hidden_states[step]} == {(rows, read, 32)}
        assert {weights.shape for weights in told.attentions[step]} == {(rows, 2, read, 5 + step)}
        assert len(told.attentions[step]) == model.config.num_hidden_layers - 1


# ---- weights that no file has ----------------------------------------------------------------------------------------------------------


def test_weights_that_are_missing_or_of_another_shape_are_fresh_where_that_is_allowed(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = model_of(small(EnhancedHRM))
    model.save_pretrained(tmp_path)
    kept = {name: value for name, value in model.state_dict().items() if "planner" not in name and "token" not in name}
    torch.save(kept, tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match="lacks weights"):
        hf.HRMLabForCausalLM.from_pretrained(tmp_path)
    loaded, told = hf.HRMLabForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    missing = {name for name in told["missing_keys"] if "planner" in name or "token" in name}
    assert missing
    assert missing == set(told["missing_keys"])
    fresh = dict(loaded.named_parameters())
    assert all(value.device.type == "cpu" and value.isfinite().all() and value.any() for value in fresh.values())
    assert loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight
    assert 0.5 < loaded.get_input_embeddings().weight.std() * 32**0.5 < 1.5
    for name, value in kept.items():
        assert torch.equal(loaded.state_dict()[name], value)
    other = {"vocab_size": V + 3}
    model.save_pretrained(tmp_path / "whole")
    with pytest.raises(UserError, match="does not fit"):
        hf.HRMLabForCausalLM.from_pretrained(tmp_path / "whole", **other)
    larger = hf.HRMLabForCausalLM.from_pretrained(tmp_path / "whole", **other, ignore_mismatched_sizes=True)
    assert larger(torch.tensor([[V + 2, 1]])).logits.isfinite().all()


def test_a_head_that_is_parted_from_its_table_stays_so(tmp_path: Path) -> None:
    model = hf.HRMLabForCausalLM(hf.config_of(small(EnhancedHRM), tie_word_embeddings=False))
    with torch.no_grad():
        model.get_output_embeddings().weight.add_(1.0)
    assert model.untied
    model.save_pretrained(tmp_path)
    again = hf.HRMLabForCausalLM.from_pretrained(tmp_path)
    tokens = torch.tensor([[1, 9, 3]])
    torch.testing.assert_close(again(tokens).logits, model.eval()(tokens).logits)
    assert not torch.equal(again.get_output_embeddings().weight, again.get_input_embeddings().weight)
    with pytest.raises(UserError, match="has a token head of its own"):
        convert.command([f"hf={tmp_path}", "data=synthetic_code"])


def test_new_tokens_begin_as_the_mean_of_the_others() -> None:
    for arm in ARMS:
        model = model_of(small(arm))
        tables = [module.weight.detach().clone() for module in (model.get_input_embeddings(), model.get_output_embeddings())]
        model.resize_token_embeddings(V + 4)
        for old, module in zip(tables, (model.get_input_embeddings(), model.get_output_embeddings()), strict=True):
            torch.testing.assert_close(module.weight[V:], old.mean(dim=0).expand(4, -1), rtol=1e-3, atol=1e-3)
        model.resize_token_embeddings(V)
        model.resize_token_embeddings(V + 4, mean_resizing=False)
        assert (model.get_input_embeddings().weight[V:] - tables[0].mean(dim=0)).abs().max() > 0.01
    with pytest.raises(ValueError, match=r"1\.5"):
        model_of(small(HRM)).resize_token_embeddings(V, pad_to_multiple_of=1.5)


def test_targets_may_come_shifted_and_the_cache_by_its_old_name() -> None:
    model = model_of(small(HRM))
    tokens = torch.randint(V, (2, S), generator=torch.Generator().manual_seed(0))
    shifted = torch.nn.functional.pad(tokens, (0, 1), value=-100)[:, 1:]
    for learning in (False, True):
        model.train(learning)
        expected = model(tokens, labels=tokens).loss
        torch.testing.assert_close(model(tokens, shift_labels=shifted).loss, expected)
        torch.testing.assert_close(model(tokens, labels=torch.zeros_like(tokens), shift_labels=shifted).loss, expected)
    with pytest.warns(FutureWarning, match="past_key_values"):
        told = model.eval()(tokens, past_key_values=transformers.DynamicCache())
    assert told.cache.get_seq_length() == S
