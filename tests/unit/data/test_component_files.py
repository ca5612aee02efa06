"""conf/data: every keyword of a constructor stands there with its default."""

import importlib
import inspect
from pathlib import Path

import pytest
import yaml

FILES = sorted((Path(__file__).parents[3] / "conf" / "data").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_defaults_in_the_file_are_those_of_the_constructor(path):
    values = yaml.safe_load(path.read_text())
    assert values.pop("name") == path.stem
    module, _, name = values.pop("_target_").rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert values == {key: parameter.default for key, parameter in parameters.items()}
