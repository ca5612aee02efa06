"""Every causal arm behind transformers' interface writes, learns and is kept as it is by the project itself."""

from pathlib import Path
from typing import Any

import arm_contract as contract
import pytest
import torch
from torch import Tensor

from hrmlab.core.batches import Batch
from hrmlab.core.errors import UserError
from hrmlab.core.task import TaskSpec
from hrmlab.data.written.tokenizer import PROBLEM
from hrmlab.evaluation.code.generation import Decoding, generate
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.recomputing import blocks_of
from hrmlab.training.losses import LossOptions, segment_loss

transformers = pytest.importorskip("transformers", reason="make test-hf installs the extra hf and runs these tests")
hf = pytest.importorskip("hrmlab.hugging_face")

V, S = 17, 24
PROMPTS = [[1, 5, 2], [1, 9, 9, 3, 4, 12, 2], [1, 2], list(range(16)), [3] * 19]
ARMS = [model for model in contract.model_classes() if "causal" in model.attention_kinds]
every_arm = pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.__name__)


def few_of(arm: type[Reasoner]) -> dict[str, int]:
    keys = contract.keys_of(arm)
    fewer = {"max_segments": 2, "l_cycles": 2, "loops": 3}
    return {name: fewer.get(name, 1) for name in keys if name in fewer or name.endswith("layers")}


def small(arm: type[Reasoner], **options: Any) -> Reasoner:
    """Few segments and layers, and no weight at zero: as the contract's own test of generation has it."""
    few = few_of(arm)
    reasoner = contract.make(arm, "causal", {**few, **options}, vocabulary=V, length=S).eval()
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return reasoner


def model_of(reasoner: Reasoner, **further: Any) -> Any:
    model = hf.HRMLabForCausalLM(hf.config_of(reasoner, pad_token_id=0, **further)).eval()
    model.reasoner.load_state_dict(reasoner.state_dict())
    return model


def padded(prompts: list[list[int]]) -> dict[str, Tensor]:
    longest = max(map(len, prompts))
    rows = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return {"input_ids": torch.tensor(rows), "attention_mask": torch.tensor(mask)}


def written(reasoner: Reasoner, prompts: list[list[int]] = PROMPTS, *, halting: bool = False, end: int = -1) -> list[list[int]]:
    """What the project's own greedy decoding writes."""
    decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=12, halting=halting, likelihood="softmax")
    return generate(reasoner, prompts, end=end, sequence_length=S, decoding=decoding, device=torch.device("cpu"))


@every_arm
def test_it_writes_what_the_project_writes(arm: type[Reasoner]) -> None:
    reasoner = small(arm)
    model = model_of(reasoner)
    longest = max(map(len, PROMPTS))
    for halting in (False, True):
        expected = written(reasoner, halting=halting)
        for cached in (True, False) if model.remembers else (False,):
            told = model.generate(**padded(PROMPTS), max_new_tokens=12, do_sample=False, use_cache=cached, halting=halting)
            assert [row[longest:][: len(new)] for row, new in zip(told.tolist(), expected, strict=True)] == expected
            # A row ends at the model's length: what follows is padding.
            assert not told[3, longest + 8 :].any()
            assert not told[4, longest + 5 :].any()


@every_arm
def test_it_comes_back_from_a_folder_with_equal_logits(arm: type[Reasoner], tmp_path: Path) -> None:
    for options in contract.option_variants(arm):
        if any(isinstance(value, str) and name != "positions" for name, value in options.items()) or "random_start" in options:
            continue  # of these no weight depends
        model = model_of(small(arm, **options))
        model.save_pretrained(tmp_path / "folder")
        again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "folder")
        assert type(again.reasoner) is arm
        assert again.config.num_hidden_layers == model.config.num_hidden_layers
        tokens = torch.randint(V, (2, 9), generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(again(tokens).logits, model(tokens).logits, rtol=0, atol=1e-6)
        assert {name: id(value) for name, value in again.named_parameters()}.keys() == dict(model.named_parameters()).keys()


@every_arm
def test_it_learns_what_the_project_learns(arm: type[Reasoner]) -> None:
    """The loss is the mean over segments of the project's own, labels shifted by one; padding changes nothing; every weight learns."""
    reasoner = small(arm).train()
    model = model_of(reasoner).train()
    tokens = torch.randint(V, (2, 9), generator=torch.Generator().manual_seed(0))
    labels = tokens.clone()
    labels[0, :4] = -100
    shifted = torch.nn.functional.pad(labels, (0, 1), value=-100)[:, 1:]
    asked = int((shifted != -100).sum())
    batch = Batch(tokens, shifted, torch.zeros(2, dtype=torch.int64))
    carry, total = reasoner.initial_carry(2, reasoner.prefix_length + 9), torch.zeros(())
    for _ in range(reasoner.max_segments):
        carry, prediction = reasoner(carry, batch)
        part, _ = segment_loss(
            prediction._replace(q_halt_logits=None, q_continue_logits=None),
            prediction.logits.argmax(-1),
            shifted,
            target_q_continue=None,
            options=LossOptions(kind="softmax"),
            weight=(shifted != -100) / asked,
        )
        total = total + part / reasoner.max_segments
    answered = model(tokens, labels=labels)
    halting = answered.loss - total
    assert (halting > 0) if reasoner.halts else (halting.abs() < 1e-5)
    answered.loss.backward()
    lost = [name for name, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.isfinite().all()]
    assert lost == []
    mask = torch.cat((torch.zeros(2, 3, dtype=torch.int64), torch.ones_like(tokens)), dim=1)
    left = model(torch.nn.functional.pad(tokens, (3, 0)), attention_mask=mask, labels=torch.nn.functional.pad(labels, (3, 0), value=-100))
    right = model(
        torch.nn.functional.pad(tokens, (0, 3)), attention_mask=mask.flip(1), labels=torch.nn.functional.pad(labels, (0, 3), value=-100)
    )
    if not getattr(reasoner, "random_loops", False):  # how often it loops is drawn from the batch's own tokens
        torch.testing.assert_close(left.loss, right.loss)
        torch.testing.assert_close(left.loss, answered.loss, rtol=1e-4, atol=1e-4)
    model.eval()
    said = model(tokens).logits
    expected = torch.nn.functional.cross_entropy(said[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    torch.testing.assert_close(model(tokens, labels=labels).loss, expected)


@every_arm
def test_fewer_cycles_and_segments(arm: type[Reasoner]) -> None:
    keys, name = contract.keys_of(arm), arm.cycle_argument
    reasoner = small(arm, **({} if name is None else {name: 3}))
    model, tokens = model_of(reasoner), torch.tensor([[1, 5, 2, 7]])
    prompt = {"input_ids": tokens, "max_new_tokens": 6, "do_sample": False}
    if "max_segments" in keys:
        one = small(arm, **({} if name is None else {name: 3}), max_segments=1)
        if {key: value.shape for key, value in one.state_dict().items()} == {
            key: value.shape for key, value in reasoner.state_dict().items()
        }:
            one.load_state_dict(reasoner.state_dict())
            assert model.generate(**prompt, max_segments=1)[0, 4:].tolist() == written(one, [[1, 5, 2, 7]])[0][:6]
        assert model.generate(**prompt, max_segments=4).shape == (1, 10)  # more than its own: the cache grows
    with pytest.raises(UserError, match="below 1"):
        model(tokens, max_segments=0)
    if name is None:
        with pytest.raises(UserError, match="has none"):
            model.generate(**prompt, max_cycles=1)
        return
    with reasoner.at_most_cycles(1):
        expected = written(reasoner, [[1, 5, 2, 7]])[0][:6]
    assert model.generate(**prompt, max_cycles=1)[0, 4:].tolist() == expected
    assert getattr(model.reasoner, name) == 3
    torch.testing.assert_close(model(tokens, max_cycles=3).logits, model(tokens).logits)
    with pytest.raises(UserError, match="give 1 to 3"):
        model.generate(**prompt, max_cycles=4)


@every_arm
def test_recomputed_blocks_give_equal_gradients(arm: type[Reasoner]) -> None:
    model = model_of(small(arm)).train()
    tokens = torch.randint(V, (2, 9), generator=torch.Generator().manual_seed(0))
    gradients, runs = [], []

    def count(module: torch.nn.Module, *arguments: Any) -> None:
        runs[-1] += 1

    for block in blocks_of(model.reasoner):
        # A part of the block, for a block's own hooks do not see the second run.
        next(part for part in (*block.children(), block)).register_forward_hook(count)
    for switch in (model._activation_checkpointing_disable, model._activation_checkpointing_enable):
        switch()
        model.zero_grad()
        runs.append(0)
        model(tokens, labels=tokens).loss.backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    assert runs[1] > runs[0] > 0 or not any(True for block in blocks_of(model.reasoner) for _ in block.children())
    assert model.is_activation_checkpointing
    torch.testing.assert_close(gradients[0], gradients[1])
    model.activation_checkpointing_disable()
    assert not model.is_activation_checkpointing


@every_arm
def test_another_vocabulary_keeps_what_both_know(arm: type[Reasoner]) -> None:
    model = model_of(small(arm))
    tokens = torch.tensor([[1, 5, 2, 7]])
    before = model(tokens).logits
    assert model.resize_token_embeddings(V + 5).num_embeddings == V + 5
    assert model.config.vocab_size == model.get_output_embeddings().out_features == V + 5
    if arm.__name__ != "EnhancedHRM":  # its cycles end by the entropy over all tokens
        torch.testing.assert_close(model(tokens).logits[..., :V], before)
    model.resize_token_embeddings(V)
    torch.testing.assert_close(model(tokens).logits, before)


def test_packed_documents_do_not_see_each_other_with_or_without_a_cache() -> None:
    """A row of several documents says of each what it would say alone, in one call, token by token, and after left padding."""
    for number, arm in enumerate(ARMS):
        few, positions = few_of(arm), ("learned", "rope")[number % 2]
        task = TaskSpec(name="t", sequence_length=S, vocabulary_size=V, attention="causal", next_token=True, document_start=PROBLEM)
        try:
            reasoner = contract.call(arm, task=task, **contract.shape_of(arm), **few, positions=positions).eval()
        except UserError:
            continue  # an LSTM
        model = model_of(reasoner)
        first, second = [PROBLEM, 5, 6, 7], [PROBLEM, 9, 8, 7, 6]
        row = torch.tensor([first + second])
        alone = torch.cat([model(torch.tensor([part])).logits for part in (first, second)], dim=1)
        torch.testing.assert_close(model(row).logits, alone, atol=1e-5, rtol=1e-4)
        cache, said = None, []
        for column in range(row.shape[1]):
            told = model(row[:, column : column + 1], cache=cache, use_cache=True)
            cache = told.cache
            said.append(told.logits)
        torch.testing.assert_close(torch.cat(said, dim=1), alone, atol=1e-5, rtol=1e-4)
        mask = torch.tensor([[0, 0] + [1] * 9])
        filled = torch.nn.functional.pad(row, (2, 0))
        for cached in (True, False):
            told = model(filled, attention_mask=mask, use_cache=cached).logits[:, 2:]
            torch.testing.assert_close(told, alone, atol=1e-5, rtol=1e-4)
