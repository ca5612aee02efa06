"""What recurrent stages remember between the steps of a generation."""

import torch

from hrmlab.layers.decoding import RecurrentState


def begin(state: RecurrentState, counts: list[int], *, tokens: int) -> None:
    positions = torch.arange(tokens).expand(len(counts), -1)
    state.begin(positions, counts=torch.tensor(counts), longest=tokens)


def step(state: RecurrentState, states: list[torch.Tensor]) -> list[torch.Tensor]:
    """Every stage asks, then leaves its states; what they were given."""
    given = []
    for left in states:
        given.append(state.recall(torch.full((len(left), 1), -1.0)))
        state.remember(left)
    return given


def test_a_stage_goes_on_after_the_last_own_token_of_each_row():
    state = RecurrentState()
    begin(state, [3, 1], tokens=3)
    first, second = torch.arange(6.0).view(2, 3, 1), 10 + torch.arange(6.0).view(2, 3, 1)
    assert all(bool((given == -1).all()) for given in step(state, [first, second])), "rows begin with what the stage calls fresh"
    begin(state, [1, 1], tokens=1)
    given = step(state, [first[:, :1], second[:, :1]])
    assert [each.flatten().tolist() for each in given] == [[2.0, 3.0], [12.0, 13.0]], "fillers of the shorter row are not remembered"
    begin(state, [1, 1], tokens=1)
    assert [each.flatten().tolist() for each in step(state, [first[:, :1]] * 2)] == [[0.0, 3.0], [10.0, 13.0]]


def test_rows_are_selected_in_the_order_asked():
    state = RecurrentState()
    begin(state, [1, 1, 1], tokens=1)
    step(state, [torch.arange(3.0).view(3, 1, 1), 10 + torch.arange(3.0).view(3, 1, 1)])
    state.select(torch.tensor([2, 0]))
    begin(state, [1, 1], tokens=1)
    given = step(state, [torch.zeros(2, 1, 1)] * 2)
    assert [each.flatten().tolist() for each in given] == [[2.0, 0.0], [12.0, 10.0]]
