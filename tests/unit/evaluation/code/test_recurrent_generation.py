"""Generation by a reasoner without attention, whose memory is the hidden states of its recurrent stages."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hrmlab.core.batches import Batch, Carry, Prediction
from hrmlab.core.task import IGNORED_LABEL, TaskSpec
from hrmlab.evaluation.code.generation import Decoding, generate
from hrmlab.layers.decoding import DecodingState, RecurrentState
from hrmlab.models.reasoner import Reasoner

WIDTH = 16
TASK = TaskSpec(name="test", sequence_length=24, vocabulary_size=17, puzzle_ids=1, attention="causal", next_token=True)
PROMPTS = [[1, 5, 2], [1, 9, 9, 3, 4, 12, 2], [1, 2], list(range(16)), [3] * 19]


class Recurrent(Reasoner):
    """Two GRUs one upon the other, twice: the second segment reads the states that the first has left at every position."""

    def __init__(self, *, task: TaskSpec, prefix: int) -> None:
        super().__init__(task=task, max_segments=2, halting=True, continues=False)
        self.prefix = nn.Parameter(torch.randn(prefix, WIDTH))
        self.embedding = nn.Embedding(task.vocabulary_size, WIDTH)
        self.levels = nn.ModuleList([nn.GRU(WIDTH, WIDTH, batch_first=True) for _ in range(2)])
        self.token_head, self.halting_head = nn.Linear(WIDTH, task.vocabulary_size), nn.Linear(WIDTH, 1)
        self.tokens_read = 0

    @property
    def prefix_length(self) -> int:
        return len(self.prefix)

    def initial_carry(self, batch_size: int, positions: int | None = None) -> Carry:
        return {"z": torch.zeros(batch_size, positions or self.prefix_length + self.task.sequence_length, WIDTH)}

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        assert state is None or isinstance(state, RecurrentState)
        self.tokens_read += batch.inputs.numel()
        hidden = self.embedding(batch.inputs)
        if state is None or state.in_first_step:
            hidden = torch.cat([self.prefix.expand(len(hidden), -1, -1), hidden], dim=1)
        hidden = hidden + carry["z"]
        for level in self.levels:
            fresh = torch.zeros(len(hidden), WIDTH)
            start = fresh if state is None else state.recall(fresh)
            hidden, _ = level(hidden, start[None])
            if state is not None:
                state.remember(hidden)
        read = hidden[:, -batch.inputs.shape[1] :]
        return {"z": hidden.detach()}, Prediction(self.token_head(read), self.halting_head(read)[..., 0])

    def decoding_state(self, *, capacity: int) -> RecurrentState:
        return RecurrentState()


class Forgetful(Recurrent):
    """The same without a memory: every row is read again for every token."""

    def decoding_state(self, *, capacity: int) -> Any:
        return None


def make(kind: type[Recurrent], *, prefix: int) -> Recurrent:
    torch.manual_seed(0)
    reasoner = kind(task=TASK, prefix=prefix).eval()
    with torch.no_grad():
        for parameter in reasoner.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.4)  # so that what is written depends on what was read long before
    return reasoner


def write(reasoner: Recurrent, prompts: list[list[int]], *, halting: bool = False, end: int = -1) -> list[list[int]]:
    decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=12, halting=halting, likelihood="softmax")
    return generate(reasoner, prompts, end=end, sequence_length=24, decoding=decoding, device=torch.device("cpu"))


@pytest.mark.parametrize("prefix", [0, 2])
@pytest.mark.parametrize("halting", [False, True])
def test_remembered_is_what_rereading_writes(halting: bool, prefix: int) -> None:
    remembering, forgetful = make(Recurrent, prefix=prefix), make(Forgetful, prefix=prefix)
    written = write(remembering, PROMPTS, halting=halting)
    assert written == write(forgetful, PROMPTS, halting=halting)
    assert [len(tokens) for tokens in written] == [12, 12, 12, 8, 5], "short rows are written on after the long ones are full"
    assert len({token for tokens in written for token in tokens}) > 3, "a net that always says the same would prove nothing"
    assert remembering.tokens_read < forgetful.tokens_read / 3


@pytest.mark.parametrize("prefix", [0, 2])
def test_a_row_is_written_as_it_is_alone(prefix: int) -> None:
    reasoner = make(Recurrent, prefix=prefix)
    assert write(reasoner, PROMPTS) == [write(reasoner, [prompt])[0] for prompt in PROMPTS]


def test_rows_that_end_early_leave_the_others_as_they_were() -> None:
    reasoner = make(Recurrent, prefix=2)
    free = write(reasoner, PROMPTS)
    end = free[0][3]
    written = write(reasoner, PROMPTS, end=end)
    assert written == [tokens[: tokens.index(end)] if end in tokens else tokens for tokens in free]


@torch.no_grad()
def test_the_memory_holds_a_state_for_every_stage_of_every_segment() -> None:
    reasoner, state = make(Recurrent, prefix=0), RecurrentState()
    tokens = torch.tensor([[1, 5, 2, 7], [1, 9, 0, 0]])
    whole: list[Tensor] = []
    carry = reasoner.initial_carry(1, 5)
    for _ in range(reasoner.max_segments):
        carry, prediction = reasoner(carry, batch_of(torch.tensor([[1, 9, 4, 4, 4]])))
        whole.append(prediction.logits[0, 2])
    for new, counts in ((tokens, [4, 2]), (torch.tensor([[3], [4]]), [1, 1])):
        places = torch.arange(new.shape[1]).expand(2, -1)
        state.begin(places, counts=torch.tensor(counts), longest=new.shape[1])
        carry, said = reasoner.initial_carry(2, new.shape[1]), []
        for _ in range(reasoner.max_segments):
            carry, prediction = reasoner(carry, batch_of(new), state)
            said.append(prediction.logits[1, 0])
    torch.testing.assert_close(said, whole)


def batch_of(tokens: Tensor) -> Batch:
    return Batch(tokens, torch.full_like(tokens, IGNORED_LABEL), torch.zeros(len(tokens), dtype=torch.int64))


class SeesItsRow(Recurrent):
    """Adds the sum over the whole row to every position, and keeps nothing."""

    def forward(self, carry: Carry, batch: Batch, state: DecodingState | None = None) -> tuple[Carry, Prediction]:
        carry, prediction = super().forward(carry, batch, state)
        return carry, prediction._replace(logits=prediction.logits + self.token_head(self.embedding(batch.inputs)).sum(1, keepdim=True))

    def decoding_state(self, *, capacity: int) -> None:  # type: ignore[override]
        return None


def test_a_reasoner_that_sees_all_of_its_row_sees_nothing_that_fills_it_up() -> None:
    torch.manual_seed(0)
    reasoner = SeesItsRow(task=TASK, prefix=0).eval()
    reasoner.sees_future = "this test"
    decoding = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=6, halting=False, likelihood="softmax")

    def write(prompts: list[list[int]]) -> list[list[int]]:
        return generate(reasoner, prompts, end=-1, sequence_length=24, decoding=decoding, device=torch.device("cpu"))

    assert write(PROMPTS) == [write([prompt])[0] for prompt in PROMPTS]
