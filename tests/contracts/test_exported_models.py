"""Every model file is exported as one segment for any number of rows, by torch.export and as ONNX, and answers as it did."""

from pathlib import Path
from typing import Any

import arm_contract as contract
import pytest
import torch

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.errors import UserError
from hrmlab.core.task import AttentionKind
from hrmlab.evaluation.solve import solve
from hrmlab.exporting.comparison import TOLERANCE, compare
from hrmlab.exporting.exported import Exported, onnx_run, program_run
from hrmlab.exporting.onnx_file import save_onnx
from hrmlab.exporting.program import export_program, save_program
from hrmlab.layers.decoding import DecodingState
from hrmlab.models.hrm import HRM
from hrmlab.models.reasoner import Reasoner

CLASSES = contract.model_classes()
KINDS = [(model, kind) for model in CLASSES for kind in model.attention_kinds]
ONE_QUICKLY = [pytest.param(*pair, marks=[pytest.mark.slow] if place else []) for place, pair in enumerate(KINDS)]
"""The first arm stands for all of them in the fast tests."""


def _small(model: type[Reasoner], attention: AttentionKind) -> Reasoner:
    """One block, few cycles (one of H where it also becomes ONNX, which takes time by the operation), 2 segments; no weight is zero."""
    keys = contract.keys_of(model)
    options: dict[str, Any] = {name: 1 for name in keys if name.endswith("layers")}
    options |= {name: 2 for name in keys if name.endswith(("cycles", "loops"))} | {name: 1 for name in keys if name == "l_cycles"}
    options |= {name: 1 for name in keys if name == "h_cycles" and attention == model.attention_kinds[0]}
    options |= {"max_segments": 2} if "max_segments" in keys else {}
    options |= {"puzzle_embedding_size": 40} if "puzzle_embedding_size" in keys else {}
    reasoner = contract.make(model, attention, options).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return reasoner


def _same(reasoner: Reasoner, exported: Exported) -> None:
    for rows in (1, 5):
        found = compare(reasoner, exported, rows=rows)
        assert found.segments == reasoner.max_segments
        assert found.difference <= TOLERANCE
        assert found.difference_at_end <= TOLERANCE
        assert found.different_tokens == 0


@pytest.mark.slow
@pytest.mark.parametrize(("model", "attention"), ONE_QUICKLY)
def test_what_is_exported_computes_what_the_arm_computes(model: type[Reasoner], attention: AttentionKind, tmp_path: Path) -> None:
    reasoner = _small(model, attention)
    program, segment = export_program(reasoner)
    save_program(program, tmp_path / "segment.pt2")
    _same(reasoner, Exported(reasoner, program_run(tmp_path / "segment.pt2", segment.names)))
    if attention != model.attention_kinds[0]:
        return  # one kind of attention in ONNX is enough: the program is the same but for a mask
    save_onnx(program, segment.names, tmp_path / "segment.onnx")
    exported = Exported(reasoner, onnx_run(tmp_path / "segment.onnx"))
    _same(reasoner, exported)
    batch = contract.make_batch()
    ours, theirs = solve(reasoner, batch), solve(exported, batch)
    assert torch.equal(ours.halting_answers, theirs.halting_answers)
    assert torch.equal(ours.segments, theirs.segments)


@pytest.mark.slow
def test_a_causal_arm_halts_each_token_in_onnx_too(tmp_path: Path) -> None:
    reasoner = _small(HRM, "causal")
    program, segment = export_program(reasoner)
    save_onnx(program, segment.names, tmp_path / "segment.onnx")
    exported = Exported(reasoner, onnx_run(tmp_path / "segment.onnx"))
    _same(reasoner, exported)
    q_halt = exported(exported.initial_carry(contract.B), contract.make_batch())[1].q_halt_logits
    assert q_halt is not None
    assert q_halt.shape == (contract.B, contract.S)


class _Undecided(HRM):
    """Looks at values to know what to compute, which no exported program can."""

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        carry, prediction = super().forward(carry, batch, state)
        return (carry, prediction) if prediction.logits.sum() > 0 else (carry, prediction._replace(logits=-prediction.logits))


@pytest.mark.slow
def test_an_arm_that_cannot_be_exported_is_refused_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"_Undecided cannot be exported as a program.*to=safetensors writes its weights"):
        export_program(_small(_Undecided, "full"))
