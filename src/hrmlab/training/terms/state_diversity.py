"""How alike an arm's states are: of its levels, or of its positions."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from hrmlab.core.errors import UserError
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.terms.term import LossTerm, Segment


class StateDiversity(LossTerm):
    """The mean squared cosine between states, which is 0 where they are orthogonal and 1 where they are alike or opposite.

    Args:
        between: ``levels``: of each pair of states (H and L), at the same position, a mean over positions and pairs; ``positions``: of each
            pair of different positions of the state that is read out, a mean over pairs, ``(|G|^2 - S) / (S (S - 1))`` with the matrix G
            of all cosines. Positions before the first token do not count.
    """

    def __init__(self, *, between: Literal["levels", "positions"] = "levels") -> None:
        self._between = between

    def __call__(self, segment: Segment) -> Tensor:
        tokens = segment.batch.inputs.shape[1]
        states = [state[:, -tokens:].float() for state in segment.prediction.states.values() if state.is_floating_point()]
        if not states:
            raise UserError("the predictions of this arm hold no states (Prediction.states), which the diversity of states is about")
        if self._between == "levels":
            pairs = [(one, other) for place, one in enumerate(states) for other in states[place + 1 :]]
            return torch.stack([cosine_similarity(one, other, dim=-1).square().mean(dim=-1) for one, other in pairs]).mean(dim=0)
        unit = normalize(states[0], dim=-1)
        cosines = unit @ unit.transpose(1, 2)
        return (cosines.square().sum(dim=(1, 2)) - tokens) / (tokens * (tokens - 1))

    def check(self, reasoner: Reasoner) -> None:
        widths = [state.shape[-1] for state in reasoner.initial_carry(1).values() if state.is_floating_point()]
        if not widths:
            raise UserError("this arm carries no states; leave the term out, or use an arm of several segments")
        if self._between == "levels" and (len(widths) < 2 or len(set(widths)) > 1):
            raise UserError(f"between=levels needs two states of one width, and this arm's are {widths} wide; use between=positions")
        if self._between == "positions" and reasoner.task.sequence_length < 2:
            raise UserError("between=positions needs two positions, and this task has one; leave the term out")
