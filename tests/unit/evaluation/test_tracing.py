"""A trace holds every segment and cycle, says the same as solving does, and asks nothing of the arm."""

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import torch

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import TaskSpec
from hrmlab.evaluation.solve import solve
from hrmlab.evaluation.tracing import trace
from hrmlab.layers.options import EmbeddingOptions, SegmentOptions
from hrmlab.models.deep_supervision_transformer import DeepSupervisionTransformer
from hrmlab.models.hrm import HRM
from hrmlab.models.precision import Computation
from hrmlab.models.reasoner import Reasoner
from hrmlab.models.transformer import Transformer

TASK = TaskSpec(name="test", sequence_length=6, vocabulary_size=5)
TOKENS = torch.arange(6)[None] % 5
BATCH = Batch(inputs=TOKENS, labels=TOKENS, puzzle_ids=torch.zeros(1, dtype=torch.int64))


def hrm(task: TaskSpec = TASK) -> HRM:
    torch.manual_seed(2)
    embedding = EmbeddingOptions(puzzle_embedding_size=20)
    segments = SegmentOptions(max_segments=3)
    return HRM(
        task=task, hidden_size=16, num_heads=2, mlp_width=24, embedding=embedding, segments=segments, h_layers=2, l_layers=1, h_cycles=2
    ).eval()


def prepared(reasoner: Reasoner, precision: Literal["fp32", "bf16"] = "fp32") -> Computation:
    computation = Computation(reasoner, precision)
    with torch.no_grad():
        computation.prepare()
    return computation


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_segments_and_cycles_are_those_of_solving(precision: Literal["fp32", "bf16"]) -> None:
    computation = prepared(hrm(), precision)
    found, solved = trace(computation, BATCH), solve(computation, BATCH)
    np.testing.assert_array_equal(found.answers, solved.answers_by_segment[:, 0].numpy())
    assert found.halting_segment == float(solved.segments[0])
    assert (found.cap, found.prefix_length, [segment.number for segment in found.segments]) == (3, 2, [1, 2, 3])
    for segment in found.segments:
        assert [cycle.stack for cycle in segment.cycles] == ["l_level", "l_level", "h_level"] * 2
        assert [cycle.name for cycle in segment.cycles] == ["z_L", "z_L", "z_H"] * 2
        assert segment.carry.keys() == {"z_H", "z_L"}
        assert segment.q_halt is not None
        assert segment.q_halt.shape == ()
        last = segment.cycles[-1]
        np.testing.assert_array_equal(last.tokens, segment.tokens)
        assert last.state.shape == (8, 16)
        assert ((segment.probabilities > 1 / 5) & (segment.probabilities <= 1)).all()


def test_changes_are_those_of_the_states() -> None:
    model = hrm()
    found = trace(prepared(model), BATCH)
    states = [cycle for segment in found.segments for cycle in segment.cycles if cycle.stack == "h_level"]
    begun = model.h_initial.numpy()
    assert states[0].movement.change == pytest.approx(np.linalg.norm(states[0].state - begun) / (np.linalg.norm(begun) * 8**0.5), rel=1e-4)
    for before, after in pairwise(states):
        change = np.linalg.norm(after.state - before.state) / np.linalg.norm(before.state)
        assert after.movement.change == pytest.approx(change, rel=1e-4)
        assert after.movement.norm == pytest.approx(np.sqrt((after.state**2).mean()), rel=1e-4)
    # What is carried is what the last cycle put out, so it moved as far as since the segment before.
    second, third = states[3].state, states[5].state
    carried = np.linalg.norm(third - second) / np.linalg.norm(second)
    assert found.segments[2].carry["z_H"].change == pytest.approx(carried, rel=1e-4)


def test_a_network_that_updates_two_states_is_told_apart() -> None:
    model = HRM(
        task=TASK, hidden_size=16, num_heads=2, mlp_width=24, embedding=EmbeddingOptions(), segments=SegmentOptions(), shared_levels=True
    )
    cycles = trace(prepared(model.eval()), BATCH, segments=2).segments[1].cycles
    assert [(cycle.stack, cycle.name) for cycle in cycles] == [("h_level", name) for name in ["z_L", "z_L", "z_H"] * 2]


def test_a_state_that_goes_through_a_norm_is_called_by_its_stack() -> None:
    model = DeepSupervisionTransformer(
        task=TASK, hidden_size=16, num_heads=2, mlp_width=24, embedding=EmbeddingOptions(), segments=SegmentOptions(), layers=1, cycles=2
    )
    first, second = trace(prepared(model.eval()), BATCH, segments=2).segments
    assert [cycle.name for cycle in second.cycles] == ["stack", "stack"]
    assert first.cycles[0].movement.change is None
    assert first.cycles[1].movement.change is not None


def test_attention_is_kept_where_it_is_asked_for() -> None:
    model = hrm()
    computation = prepared(model)
    found = trace(computation, BATCH, segments=4)
    assert [bool(segment.cycles[0].attention) for segment in found.segments] == [True, False, False, True]
    maps = found.segments[0].cycles[2].attention  # h_level has two blocks
    assert [weights.shape for weights in maps] == [(1, 8, 8)] * 2
    np.testing.assert_allclose(maps[1].sum(axis=-1), 1.0, rtol=1e-5)
    heads = trace(computation, BATCH, attention=[2], heads=True)
    assert heads.segments[1].cycles[0].attention[0].shape == (2, 8, 8)
    assert not heads.segments[0].cycles[0].attention
    assert not any(cycle.attention for segment in trace(computation, BATCH, attention=()).segments for cycle in segment.cycles)
    assert not model.h_level._forward_hooks


def test_causal_scores_belong_to_tokens_and_one_pass_is_one_segment() -> None:
    causal = TaskSpec(name="test", sequence_length=6, vocabulary_size=5, attention="causal")
    found = trace(prepared(hrm(causal)), BATCH)
    assert found.segments[0].q_halt is not None
    assert found.segments[0].q_halt.shape == (6,)
    maps = found.segments[0].cycles[0].attention[0]
    assert (np.triu(maps[0], 1) == 0).all()
    flat = Transformer(task=TASK, hidden_size=16, num_heads=2, mlp_width=24, embedding=EmbeddingOptions(), layers=2).eval()
    once = trace(prepared(flat), BATCH)
    assert len(once.segments) == 1
    assert once.segments[0].q_halt is None
    assert once.segments[0].carry == {}
    assert [cycle.stack for cycle in once.segments[0].cycles] == ["stack"]


class Bare(Reasoner):
    """Names no stack and has an integer as its state."""

    def __init__(self) -> None:
        super().__init__(task=TASK, max_segments=2)

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        return {"number": torch.zeros(batch_size, dtype=torch.int64)}

    def forward(self, carry: Carry, batch: Batch, state: object = None) -> tuple[Carry, Prediction]:
        number = carry["number"] + 1
        return {"number": number}, Prediction(torch.nn.functional.one_hot(number[:, None].expand(-1, 6), 5).float())


def test_a_reasoner_that_says_nothing_of_itself_is_traced_all_the_same() -> None:
    found = trace(prepared(Bare()), BATCH)
    np.testing.assert_array_equal(found.answers, [[1] * 6, [2] * 6])
    assert all(segment.cycles == () and segment.carry == {} for segment in found.segments)


class LSTM(Bare):
    """Its stack puts out several things and is called by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrence = torch.nn.LSTM(5, 5, batch_first=True)

    def forward(self, carry: Carry, batch: Batch, state: object = None) -> tuple[Carry, Prediction]:
        return carry, Prediction(self.recurrence(input=torch.nn.functional.one_hot(batch.inputs, 5).float())[0])

    def stacks(self) -> list[torch.nn.Module]:
        return [self.recurrence]


def test_a_stack_of_another_kind_is_seen_into() -> None:
    found = trace(prepared(LSTM().eval()), BATCH)
    (cycle,) = found.segments[1].cycles
    assert (cycle.name, cycle.state.shape, cycle.tokens) == ("recurrence", (6, 5), None)
    assert cycle.movement.change == 0.0
