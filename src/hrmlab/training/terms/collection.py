"""The further losses that a run asks for, with their weights."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hrmlab.config.loss_terms import chosen_terms
from hrmlab.core.components import build
from hrmlab.core.errors import UserError
from hrmlab.models.reasoner import Reasoner
from hrmlab.training.terms.term import LossTerm, Segment


class LossTerms:
    """Named terms; none of them is known here.

    Args:
        terms: name -> weight and term.
    """

    def __init__(self, terms: Mapping[str, tuple[float, LossTerm]]) -> None:
        self._terms = dict(terms)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "LossTerms":
        """As a checked ``training.loss_terms`` says.

        Raises:
            UserError: a class of the user's own is no :class:`LossTerm`.
        """
        terms = {}
        for name, weight, target, options in chosen_terms(settings):
            term = build({"_target_": target, **options})
            if not isinstance(term, LossTerm):
                raise UserError(
                    f"training.loss_terms.{name}._target_={target} is no loss; let it inherit from hrmlab.training.terms.term.LossTerm"
                )
            terms[name] = weight, term
        return cls(terms)

    def check(self, reasoner: Reasoner) -> None:
        """Refuse an arm for which one of the terms is meaningless.

        Raises:
            UserError: which term and why.
        """
        for name, (_, term) in self._terms.items():
            try:
                term.check(reasoner)
            except UserError as error:
                raise UserError(f"training.loss_terms.{name}: {error}") from None

    def added(self, total: Tensor, parts: Mapping[str, Tensor], segment: Segment) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss () with every weighted term, and its parts with theirs before weighting, both summed over the batch.

        Raises:
            UserError: a term's name is taken, or it gives something else than a number for each slot.
        """
        if not self._terms:
            return total, parts
        parts, slots = dict(parts), len(segment.number)
        for name, (weight, term) in self._terms.items():
            if name in parts:
                raise UserError(f"training.loss_terms.{name}: this arm has a loss of that name already; call the term otherwise")
            values = term(segment)
            if values.shape != (slots,):
                raise UserError(f"training.loss_terms.{name} gave the shape {tuple(values.shape)}; give a number for each of {slots} slots")
            parts[name] = values.sum()
            total = total + weight * parts[name]
        return total, parts
