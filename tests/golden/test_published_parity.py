"""Every recorded segment of every published HRM and TRM file: same numbers, same gradients."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from hrmlab.core.batches import Batch, Carry
from hrmlab.evaluation.correctness import correctness
from hrmlab.models.halting import continue_target, decide_halting, wants_to_halt
from hrmlab.models.published import load_published, translate_name
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.losses import LossOptions, segment_loss

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(os.environ.get("HRMLAB_GOLDEN_DIR", ROOT.parent / "shared" / "golden"))
FILES = sorted([*GOLDEN.glob("hrm_*.safetensors"), *GOLDEN.glob("trm_*.safetensors")])
TOLERANCE = 1e-4

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"no reference numbers hrm_*.safetensors or trm_*.safetensors in {GOLDEN} (set HRMLAB_GOLDEN_DIR)"
)


class Golden:
    """One reference file: its configuration and tensors, and the reasoner built from them."""

    def __init__(self, path: Path, *, prefix: str = "") -> None:
        with safe_open(path, framework="pt") as file:
            self.config = json.loads(file.metadata()["config"])
            self.tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        state = {prefix + name.removeprefix("state."): tensor for name, tensor in self.tensors.items() if name.startswith("state.")}
        self.kind = path.stem.partition("_")[0]
        self.reasoner: Reasoner = load_published(self.kind, self.config, state)
        self.batch = Batch(*(self.tensors[f"batch.{name}"].long() for name in ("inputs", "labels", "puzzle_identifiers")))

    def segments(self, mode: str) -> Iterator[int]:
        yield from sorted({int(name.split(".")[1]) for name in self.tensors if name.startswith(f"{mode}.")})

    def check(self, name: str, actual: torch.Tensor | None) -> None:
        assert actual is not None, f"{name}: nothing computed"
        expected = self.tensors[name].double()
        error = (actual.detach().double() - expected).norm() / expected.norm().clamp(min=1e-12)
        assert error < TOLERANCE, f"{name}: relative error {error:.2e}"


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def test_evaluation_segments(golden: Golden) -> None:
    reasoner = golden.reasoner.eval()
    carry = reasoner.initial_carry(len(golden.batch.inputs))
    for k in golden.segments("eval"):
        with torch.no_grad():
            carry, prediction = reasoner(carry, golden.batch)
        golden.check(f"eval.{k}.logits", prediction.logits)
        golden.check(f"eval.{k}.q_halt_logits", prediction.q_halt_logits)
        if reasoner.continues:
            golden.check(f"eval.{k}.q_continue_logits", prediction.q_continue_logits)
        golden.check(f"eval.{k}.z_H", carry["z_H"])
        golden.check(f"eval.{k}.z_L", carry["z_L"])


def test_training_segments_and_all_gradients(golden: Golden) -> None:
    reasoner, batch = golden.reasoner.train(), golden.batch
    size = len(batch.inputs)
    carry: Carry = reasoner.initial_carry(size)
    halted, steps = torch.ones(size, dtype=torch.bool), torch.zeros(size, dtype=torch.int64)
    for k in golden.segments("train"):
        reasoner.zero_grad()
        carry = reasoner.restart(carry, halted)
        steps = torch.where(halted, 0, steps) + 1
        carry, prediction = reasoner(carry, batch)
        halted = decide_halting(wants_to_halt(prediction), steps, max_segments=reasoner.max_segments, exploration=0.0, random=None)
        target = None
        if reasoner.max_segments > 1 and reasoner.continues:
            with torch.no_grad():
                target = continue_target(steps, *reasoner.look_ahead(carry, batch), max_segments=reasoner.max_segments)
            golden.check(f"train.{k}.target_q_continue", target)
        answers = prediction.logits.argmax(-1)
        exact, cells_right, cells = correctness(answers, batch.labels)
        options = LossOptions(kind="stablemax")
        total, parts = segment_loss(prediction, answers, batch.labels, target_q_continue=target, options=options)
        total.backward()

        golden.check(f"train.{k}.loss", total)
        golden.check(f"train.{k}.metric.lm_loss", parts["answer"])
        golden.check(f"train.{k}.metric.q_halt_loss", parts["q_halt"])
        if target is not None:
            golden.check(f"train.{k}.metric.q_continue_loss", parts["q_continue"])
        golden.check(f"train.{k}.logits", prediction.logits)
        golden.check(f"train.{k}.q_halt_logits", prediction.q_halt_logits)
        if reasoner.continues:
            golden.check(f"train.{k}.q_continue_logits", prediction.q_continue_logits)
        assert torch.equal(halted, golden.tensors[f"train.{k}.halted"].bool())
        assert torch.equal(steps, golden.tensors[f"train.{k}.steps"].long())
        counted = halted & (cells > 0)
        assert int(counted.sum()) == int(golden.tensors[f"train.{k}.metric.count"])
        assert int((counted & exact).sum()) == int(golden.tensors[f"train.{k}.metric.exact_accuracy"])
        cell_accuracy = torch.where(counted, cells_right / cells.clamp(min=1), 0).sum()
        assert torch.isclose(cell_accuracy, golden.tensors[f"train.{k}.metric.accuracy"])
        check_gradients(golden, k)


def check_gradients(golden: Golden, k: int) -> None:
    """Every recorded gradient is met, and every parameter has a recorded gradient."""
    gradients = {name: parameter.grad for name, parameter in golden.reasoner.named_parameters()}
    prefix = f"train.{k}.grad."
    seen = set()
    for name in golden.tensors:
        if not name.startswith(prefix):
            continue
        if name == f"{prefix}puzzle_emb_rows":
            translated, gradient = "embedding.puzzle.weight", gradients["embedding.puzzle.weight"]
            assert gradient is not None
            assert torch.equal(gradient._indices()[0], golden.batch.puzzle_ids)
            gradient = gradient._values()
        else:
            translated = translate_name(golden.kind, name.removeprefix(prefix))
            assert translated is not None
            gradient = gradients[translated]
            if translated.startswith("halting_head.") and not golden.reasoner.continues:
                assert not golden.tensors[name][1:].any()  # the release has a score of continuing that nothing trains
                golden.tensors[name] = golden.tensors[name][:1]
        golden.check(name, gradient)
        seen.add(translated)
    assert seen == gradients.keys()


def test_prefix_of_compiled_checkpoints_is_accepted() -> None:
    plain, prefixed = Golden(FILES[0]), Golden(FILES[0], prefix="_orig_mod.")
    for name, tensor in plain.reasoner.state_dict().items():
        assert torch.equal(tensor, prefixed.reasoner.state_dict()[name])
