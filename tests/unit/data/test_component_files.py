"""conf/data: every keyword of a constructor stands there with its default."""

import importlib
import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from hrmlab.core.components import options_of

FILES = sorted((Path(__file__).parents[3] / "conf" / "data").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_defaults_in_the_file_are_those_of_the_constructor(path):
    values = yaml.safe_load(path.read_text())
    assert values.pop("name") == path.stem
    module, _, name = values.pop("_target_").rpartition(".")
    found = getattr(importlib.import_module(module), name)
    options = options_of(found)
    defaults = {key: parameter.default for key, parameter in inspect.signature(found).parameters.items() if key not in options}
    shared = {field.name: field.default for kind in options.values() for field in fields(kind)}
    assert values == defaults | shared
