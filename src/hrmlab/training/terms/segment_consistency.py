"""How much an answer changes from segment to segment."""

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from hrmlab.core.errors import UserError
from hrmlab.layers.likelihood import log_probabilities
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.terms.term import LossTerm, Segment


class SegmentConsistency(LossTerm):
    """The divergence of this segment's answer from the previous one's: ``KL(before || now)`` in nats, a mean over asked tokens; 0 in a
    first segment.

    What was said before is read anew from the carried states, with the heads as they are, and is the fixed target: no gradient crosses
    segments. Which arms can be asked, :meth:`hrmlab.models.reasoner.Reasoner.read_carry` says.
    """

    def __call__(self, segment: Segment) -> Tensor:
        previous = segment.previous()
        assert previous is not None
        now = log_probabilities(segment.prediction.logits, segment.likelihood)
        before = log_probabilities(previous.logits, segment.likelihood)
        divergence = kl_div(now, before, log_target=True, reduction="none").sum(dim=-1)
        return torch.where(segment.number > 1, segment.mean_of_asked(divergence), 0.0)

    def check(self, reasoner: Reasoner) -> None:
        if reasoner.max_segments == 1 or type(reasoner).read_carry is Reasoner.read_carry:
            raise UserError("this arm has no answer of a segment before; leave the term out, or use an arm of several segments")
