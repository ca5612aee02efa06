"""One generator of reasoning-gym: found by its name, made with its own options, asked for its examples one after the other."""

import contextlib
import importlib
import importlib.metadata
import io
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import yaml

from hrmlab.config.values import nearest, show
from hrmlab.core.errors import MissingExtra, UserError

RESERVED = {"seed": "data.seed", "size": "data.train_examples, data.validation_examples and data.test_examples"}
"""Options of every generator that are ours to choose, and what to say instead."""


class Place(NamedTuple):
    """Where a configuration names a generator and its options, for sentences about them; and what the generator is there for."""

    dataset: str
    options: str
    purpose: str


OWN = Place("data.dataset={name}", "data.options", "data=reasoning_gym")
"""That of ``data=reasoning_gym``."""


def version(purpose: str = OWN.purpose) -> str:
    """Of the installed package, which a purpose needs.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.metadata.version("reasoning-gym")
    except importlib.metadata.PackageNotFoundError:
        raise MissingExtra("reasoning-gym", extra="reasoning", purpose=purpose) from None


def make_generator(name: str, options: Mapping[str, Any], *, seed: int, size: int, place: Place = OWN) -> Any:
    """The package's own dataset object.

    Args:
        name: one of its datasets.
        options: fields of that dataset's configuration.
        seed: the i-th example depends on ``seed`` + i alone; neighbouring seeds therefore share examples.
        size: how many examples it believes to have.
        place: where the configuration names it.

    Raises:
        MissingExtra: the package is not installed.
        UserError: it has no such dataset, the dataset no such option, or a value does not do.
    """
    installed, dataset = version(place.purpose), place.dataset.format(name=name)
    DATASETS = importlib.import_module("reasoning_gym.factory").DATASETS  # by its name: type checkers need not have the extra

    if name not in DATASETS:
        guess = nearest(name, DATASETS)
        known = f"did you mean {guess}?" if guess else f"it has {', '.join(sorted(DATASETS))}"
        raise UserError(f"{dataset} is not in reasoning-gym {installed}; {known}")
    kind, configuration = DATASETS[name]
    own = [field.name for field in fields(configuration) if field.name not in RESERVED]
    for option in options:
        if option in RESERVED:
            raise UserError(f"{place.options}.{option}={show(options[option])} is not for options; use {RESERVED[option]}")
        if option not in own:
            guess = nearest(option, own)
            hint = f"did you mean {guess}?" if guess else f"it has {', '.join(own)}" if own else "it has none"
            raise UserError(f"{place.options}.{option} is no option of {dataset}; {hint}")
    arguments = {**options, "seed": seed, "size": size}
    try:
        with _quiet(seed):
            # Where options are objects of the package's own it reads them from YAML; elsewhere they are plain values.
            reads = hasattr(configuration, "from_yaml_stream")
            chosen = configuration.from_yaml_stream(io.StringIO(yaml.safe_dump(arguments))) if reads else configuration(**arguments)
            return kind(chosen)
    except (AssertionError, ValueError, TypeError, KeyError, AttributeError) as error:
        given = ", ".join(f"{option}={show(value)}" for option, value in options.items()) or "none"
        raise UserError(f"{dataset} does not take {place.options} ({given}): {error or type(error).__name__}; correct them") from error


def examples(generator: Any, name: str, *, seed: int, place: Place = OWN) -> Iterator[dict[str, Any]]:
    """Its examples from the first on, endlessly or until it has no more: question, answer and metadata.

    Some generators draw from Python's or NumPy's global generator as well; those are seeded here, and left as they were.

    Raises:
        UserError: it gives questions without any answer to learn from.
    """
    index = 0
    while True:
        with _quiet(seed + index):
            try:
                entry = dict(generator[index])
            except (IndexError, StopIteration):
                return
            if entry.get("answer") is None:
                entry["answer"] = _example_answer(generator, entry)
        if entry["answer"] is None:
            raise UserError(
                f"{place.dataset.format(name=name)} gives no answer to question {index + 1}, only a scorer: there is nothing to learn; "
                "choose another"
            )
        yield entry
        index += 1


def example(generator: Any, index: int, *, seed: int) -> dict[str, Any]:
    """The example at this place, as :func:`examples` gives it."""
    with _quiet(seed + index):
        entry = dict(generator[index])
        if entry.get("answer") is None:
            entry["answer"] = _example_answer(generator, entry)
    return entry


def _example_answer(generator: Any, entry: dict[str, Any]) -> str | None:
    """Where many answers are right the package may give one aside: what is called an answer there and earns full marks."""
    for key, value in entry["metadata"].items():
        if "answer" in key and value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            if generator.score_answer(text, entry) == 1.0:
                return text
    return None


@contextlib.contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Nothing that a generator prints is seen, and the global random generators are seeded for it alone."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
