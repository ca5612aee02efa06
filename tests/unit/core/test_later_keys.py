"""Keys that came after runs had been made."""

from pathlib import Path

import pytest
import yaml

from hrmlab.config.validation import section_schema, validate_section
from hrmlab.core.later_keys import LATER_KEYS, without_neutral
from hrmlab.runs import identity
from hrmlab.runs.identity import config_hash

LATER = {"training.curriculum": None, "model.noise": 0.0, "extra": False}


def test_only_neutral_values_are_left_out() -> None:
    config = {"training": {"curriculum": None, "steps": 3}, "model": {"noise": 0.0}, "extra": False, "seed": 0}
    assert without_neutral(config, LATER) == {"training": {"steps": 3}, "model": {}, "seed": 0}
    assert config["training"] == {"curriculum": None, "steps": 3}, "the configuration itself stays whole"
    told = {"training": {"curriculum": 2}, "model": {"noise": 0.1}, "extra": True}
    assert without_neutral(told, LATER) == told


def test_a_value_of_another_type_is_not_neutral() -> None:
    assert without_neutral({"extra": 0}, LATER) == {"extra": 0}
    assert without_neutral({"training": None}, LATER) == {"training": None}


def test_a_run_made_before_a_key_came_keeps_its_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"model": {"name": "hrm"}, "seed": 0}
    after = {"model": {"name": "hrm", "noise": 0.0}, "seed": 0}
    assert config_hash(before) != config_hash(after)
    monkeypatch.setattr(identity, "without_neutral", lambda config: without_neutral(config, LATER))
    assert config_hash(before) == config_hash(after)
    assert config_hash(before) != config_hash({"model": {"name": "hrm", "noise": 0.5}, "seed": 0})


def test_the_neutral_value_is_the_default() -> None:
    """Else a configuration that leaves the key alone would be another one than a run that is older than it."""
    for key, neutral in LATER_KEYS.items():
        section, _, rest = key.partition(".")
        if not rest:  # a whole section, of which a file says what it is where nothing is chosen
            file = Path("conf", section, "supervised.yaml")
            still_later = {name: value for name, value in LATER_KEYS.items() if name.startswith(f"{section}.")}
            default = without_neutral({section: validate_section(section, yaml.safe_load(file.read_text()))}, still_later)
            assert default == {section: neutral}, f"{key} is neutral at another value"
            continue
        schemas = [section_schema(section, yaml.safe_load(file.read_text())) for file in Path("conf", section).glob("*.yaml")]
        defaults = [schema[rest].default for schema in schemas if rest in schema]
        assert defaults, f"no component has {key}"
        assert all(type(default) is type(neutral) and default == neutral for default in defaults), f"{key} is neutral at another value"


def test_a_section_that_got_a_key_later_is_left_out_with_it_and_without() -> None:
    section = LATER_KEYS["objective"]
    assert without_neutral({"objective": section}) == without_neutral({"objective": {**section, "final_learning_rate_ratio": 1.0}}) == {}
