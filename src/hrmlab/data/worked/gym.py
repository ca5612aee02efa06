"""Problems of reasoning-gym as worked problems (extra ``reasoning``): verified by one number, thought through where steps are known."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hrmlab.core.errors import UserError
from hrmlab.data.reasoning_gym.generator import Place, examples, make_generator, version
from hrmlab.data.worked.answers import Answer, as_text
from hrmlab.data.worked.expressions import Expression, parsed, value
from hrmlab.data.worked.problems import Problem, solved

_FIELD = "data.reasoning_gym"
_SPACE = re.compile(r"\s+")


def check_datasets(asked: Mapping[str, Any]) -> str:
    """Refuse what no generator is, or does not take; the package's version.

    Args:
        asked: options of each dataset, by its name; None for its own.

    Raises:
        MissingExtra: the package is not installed.
        UserError: there is no such dataset, or it does not take these options.
    """
    for name, options in asked.items():
        if options is not None and not isinstance(options, Mapping):
            raise UserError(f"{_FIELD}.{name}={options} is no set of options; give some, such as {{max_digits: 1}}, or null for its own")
        make_generator(name, options or {}, seed=0, size=1, place=_place(name))
    return version(_place("").purpose)


def gym_problems(name: str, options: Mapping[str, Any] | None, *, seed: int, size: int) -> Iterator[Problem]:
    """What a dataset asks, one after another.

    Where its metadata has the expression that is computed, of sums, differences and products of whole numbers, and it comes to the answer,
    the thought is its computation; elsewhere no steps are known, and the thought is the answer itself.

    Args:
        name, options: of the dataset.
        seed: of its examples.
        size: how many it believes to have.

    Raises:
        UserError: it has an answer that is no whole number, which could not be verified.
    """
    generator = make_generator(name, options or {}, seed=seed, size=size, place=_place(name))
    for entry in examples(generator, name, seed=seed, place=_place(name)):
        prompt, answer = _SPACE.sub(" ", str(entry["question"])).strip(), str(entry["answer"]).strip()
        number = Answer("", answer).number
        if number is None:
            raise UserError(
                f"{_FIELD}.{name} answers {prompt!r} with {answer!r}, and what is practised is verified by one whole number; "
                "choose a dataset of numbers, such as chain_sum"
            )
        expression = _expression_of(entry["metadata"], number)
        if expression is None:
            yield Problem(prompt, as_text([answer], answer), depth=0, known=f"{name} {prompt}")
        else:
            yield solved(prompt, expression)


def _place(name: str) -> Place:
    return Place(f"{_FIELD}.{name}", f"{_FIELD}.{name}", _FIELD)


def _expression_of(metadata: Mapping[str, Any], answer: int) -> Expression | None:
    try:
        expression = parsed(str(metadata.get("expression", "")).strip())
    except (ValueError, SyntaxError, RecursionError):
        return None
    return expression if not isinstance(expression, int) and value(expression) == answer else None
