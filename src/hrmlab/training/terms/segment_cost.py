"""What thinking on costs: regularisation of adaptive computation."""

import torch
from torch import Tensor

from hrmlab.core.errors import UserError
from hrmlab.models.halting import halting_margin
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.terms.term import LossTerm, Segment


class SegmentCost(LossTerm):
    """The probability of going on, wherever another segment may follow: ``sigmoid(-margin)``, 0 in the last segment.

    The margin is by how much the halting score exceeds what it must exceed for a stop (:func:`hrmlab.models.halting.halting_margin`); of
    tokens with scores of their own it is the mean over those that are asked. Summed over the segments that an example takes, it is the
    expected number of segments after the first, where chance and not the sign of the margin would stop it: a price for time as the ponder
    cost of Graves 2016 (arXiv 1603.08983). It pushes the scores up, so that they tell less of whether the answer is right.
    """

    def __call__(self, segment: Segment) -> Tensor:
        margin = halting_margin(segment.prediction)
        assert margin is not None
        cost = segment.mean_of_asked(torch.sigmoid(-margin.float()))
        return torch.where(segment.number < segment.max_segments, cost, 0.0)

    def check(self, reasoner: Reasoner) -> None:
        if not reasoner.halts or reasoner.max_segments == 1:
            raise UserError("this arm does not decide when to stop; leave the term out, or use an arm of several segments with halting")
