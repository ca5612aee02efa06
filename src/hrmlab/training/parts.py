"""Learning rates per part of a model: which parameters go by which name, and into which group of an optimizer.

No model is named here. A reasoner's parts are those of :meth:`hrmlab.models.reasoner.Reasoner.parts`, which ``run.information()`` counts;
it may give them further names (``part_names``), and two names hold for all: ``embeddings`` and ``heads``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Annotated, Any

from torch import nn

from hrmlab.config.values import Positive, nearest
from hrmlab.core.components import Options
from hrmlab.core.errors import UserError
from hrmlab.layers.embeddings import PuzzleEmbedding
from hrmlab.layers.heads import HaltingHead
from hrmlab.models.reasoner import Reasoner

LearningRate = Annotated[float, Positive()]


@dataclass(frozen=True, kw_only=True)
class PartOptions(Options):
    """Of an optimizer that can give parts of a model something of their own.

    Attributes:
        learning_rates: name of a part (:func:`named_parts`) -> its learning rate; what no name covers has the optimizer's own.
    """

    learning_rates: dict[str, LearningRate] = field(default_factory=dict)


def named_parts(reasoner: Reasoner) -> dict[str, list[nn.Parameter]]:
    """Every name that a learning rate can be given to, with its parameters; some names are of the same ones.

    Puzzle embeddings are in none of them: they have an optimizer, and a rate, of their own. ``embeddings`` are the tables of the model,
    ``heads`` what reads tokens or halting scores out of its state; a matrix that serves as both is a table.
    """
    own = {id(module.weight) for module in reasoner.modules() if isinstance(module, PuzzleEmbedding)}
    named = reasoner.embeddings_and_heads()
    tables = _parameters(module for module in named if isinstance(module, nn.Embedding))
    readers = [module for module in named if not isinstance(module, nn.Embedding)]
    readers += [module for module in reasoner.modules() if isinstance(module, HaltingHead)]
    as_tables = {id(parameter) for parameter in tables}
    found = {
        **{name: _under(reasoner, attribute) for name, attribute in reasoner.part_names.items()},
        "embeddings": tables,
        "heads": [parameter for parameter in _parameters(readers) if id(parameter) not in as_tables],
        **reasoner.parts(),
    }
    dense = {name: [parameter for parameter in part if id(parameter) not in own] for name, part in found.items()}
    return {name: part for name, part in dense.items() if part}


def parts_with_rates(reasoner: Reasoner, learning_rates: Mapping[str, float]) -> dict[str, list[nn.Parameter]]:
    """The parameters of the parts that have rates of their own.

    Raises:
        UserError: the model has no such part, or two names hold the same parameters.
    """
    known, model = named_parts(reasoner), type(reasoner).__name__
    for name in learning_rates:
        if name not in known:
            guess = nearest(name, known)
            hint = f"did you mean {guess}? " if guess else ""
            raise UserError(f"optimizer.learning_rates.{name} names no part of {model}; {hint}its parts are {', '.join(known)}")
    chosen = {name: known[name] for name in learning_rates}
    for one, other in combinations(chosen, 2):
        if {id(parameter) for parameter in chosen[one]} & {id(parameter) for parameter in chosen[other]}:
            raise UserError(
                f"optimizer.learning_rates gives parameters of {model} two rates, as {one} and as {other}; leave one of them out"
            )
    return chosen


def grouped(parameters: Iterable[nn.Parameter], reasoner: Reasoner, options: PartOptions) -> list[nn.Parameter] | list[dict[str, Any]]:
    """Some parameters of a reasoner as an optimizer takes them: as they are or, where parts have rates of their own, in groups.

    The group of all others comes first and has no rate, so that it gets the optimizer's; the others bear their name under ``part``.

    Raises:
        UserError: see :func:`parts_with_rates`.
    """
    rest = list(parameters)
    if not options.learning_rates:
        return rest
    groups = []
    for name, part in parts_with_rates(reasoner, options.learning_rates).items():
        members = {id(parameter) for parameter in part}
        inside = [parameter for parameter in rest if id(parameter) in members]
        rest = [parameter for parameter in rest if id(parameter) not in members]
        if inside:
            groups.append({"params": inside, "lr": options.learning_rates[name], "part": name})
    return [*([{"params": rest}] if rest else []), *groups]


def _under(reasoner: Reasoner, attribute: str) -> list[nn.Parameter]:
    """All parameters under an attribute, those too that it shares with an earlier one."""
    return [parameter for name, parameter in reasoner.named_parameters(remove_duplicate=False) if name.partition(".")[0] == attribute]


def _parameters(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """All parameters of some modules, each once."""
    return list({id(parameter): parameter for module in modules for parameter in module.parameters()}.values())
