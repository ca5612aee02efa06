"""Every configuration file against the code behind it: the parsed schema is the real signature, and the file says all of it."""

import importlib
import inspect
from collections import Counter
from dataclasses import MISSING, fields
from typing import get_type_hints

import pytest
import yaml

from hrmlab.config.composition import composer
from hrmlab.config.grid import expand
from hrmlab.config.location import RECIPES, SECTIONS, choices, config_file, configuration_root
from hrmlab.config.schema import COMPONENT_SECTIONS
from hrmlab.config.signatures import REQUIRED, Parameter, component_parameters, solved_arguments
from hrmlab.config.validation import section_schema, validate_section
from hrmlab.core.components import options_of
from hrmlab.reporting.collect.roles import find_roles
from hrmlab.sweeping.jobs import compose_jobs

FILES = [(group, choice) for group in SECTIONS for choice in choices(group)]
COMPONENTS = [(group, choice) for group, choice in FILES if group in COMPONENT_SECTIONS]
RECIPE_FILES = [(group, choice) for group in RECIPES for choice in choices(group)]
PLAIN = (int, float, bool, str, type(None))


def lineage(group, choice):
    """The file and the ones it builds on, itself first."""
    file = config_file(group, choice)
    assert file is not None
    value = yaml.safe_load(file.read_text(encoding="utf-8"))
    parents = [name for name in value.pop("defaults", []) if isinstance(name, str) and name != "_self_"]
    return [(choice, value), *(ancestor for parent in parents for ancestor in lineage(group, parent))]


def content(group, choice):
    merged = {}
    for _, value in reversed(lineage(group, choice)):
        merged |= value
    return merged | placed(group, choice)


def placed(group, choice):
    """What a file takes from files of other groups: ``/stage@stages.math: math``."""
    found = {}
    for default in read(group, choice).get("defaults", []):
        for key, name in default.items() if isinstance(default, dict) else ():
            other, _, place = key.lstrip("/").partition("@")
            section, _, own = place.partition(".")
            found.setdefault(section, {})[own] = read(other, name)
    return found


def read(group, choice):
    file = config_file(group, choice)
    assert file is not None
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("group", "choice"), COMPONENTS, ids=["/".join(pair) for pair in COMPONENTS])
def test_the_parsed_schema_is_the_real_signature(group, choice):
    target = content(group, choice)["_target_"]
    module, _, name = target.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    signature = inspect.signature(found)
    hints = get_type_hints(found.__init__ if inspect.isclass(found) else found, include_extras=True)
    parsed = component_parameters(target)
    options = options_of(found)
    flattened = {field.name: field for kind in options.values() for field in fields(kind)}
    for kind in options.values():
        hints |= get_type_hints(kind, include_extras=True)
    for name, field in flattened.items():
        default = REQUIRED if field.default is MISSING else field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        assert parsed[name] == Parameter(hints[name], default), "a field of an option dataclass is a key like any other"
    injected = set(signature.parameters) - set(parsed) - set(options)
    for parameter in injected:
        assert hints[parameter] not in PLAIN, f"{parameter} is a configuration value and was taken for an injected one"
        assert "hrmlab" in repr(hints[parameter]) or "torch" in repr(hints[parameter])
    for parameter, (annotation, default) in (
        (key, (value.annotation, value.default)) for key, value in parsed.items() if key not in flattened
    ):
        real = signature.parameters[parameter]
        assert real.kind is inspect.Parameter.KEYWORD_ONLY
        assert annotation == hints[parameter] or (annotation is str and "Path" in repr(hints[parameter]))
        assert default == (REQUIRED if real.default is inspect.Parameter.empty else real.default)


@pytest.mark.parametrize(("group", "choice"), FILES, ids=["/".join(pair) for pair in FILES])
def test_a_file_says_every_key_and_is_named_as_its_file(group, choice):
    value = content(group, choice)
    schema = section_schema(group, value)
    assert set(value) == set(schema), "a key that is left out could not be seen, or overridden in Hydra's own multirun"
    with composer() as composing:
        composed = composing.compose([f"{group}={choice}"]).config.to_plain()[group]
    validate_section(group, composed)
    for key, plain in value.items():
        assert composed[key] == plain or "${" in str(plain), "what the file says is what runs"
    if "name" in schema:
        assert value["name"] in [name for name, _ in lineage(group, choice)]
    for key in solved_arguments(value["_target_"]) if "_target_" in value else ():
        assert value[key] is None


@pytest.mark.parametrize(("group", "choice"), RECIPE_FILES, ids=["/".join(pair) for pair in RECIPE_FILES])
def test_a_recipe_states_its_question_and_composes(group, choice):
    file = config_file(group, choice)
    assert file is not None
    assert file == configuration_root() / group / f"{choice}.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# @package _global_"
    header = "\n".join(line for line in lines if line.startswith("#"))
    for word in ("Arms:", "Expected:", "Source:", *(["Question:"] if group == "experiments" else [])):
        assert word in header
    with composer() as composing:
        overrides = [f"{group}={choice}"]
        plan = composing.plan(overrides)
        assert plan.multirun == (group == "sweeps")
        jobs = expand(composing, overrides, plan)
        assert len({tuple(job) for job in jobs}) == len(jobs)
        seeds = {word for job in jobs for word in job if word.startswith("seed=")}
        apart_from_seeds = {tuple(word for word in job if word not in seeds): job for job in jobs}
        configs = [composing.compose(job).config.to_plain() for job in apart_from_seeds.values()]
    assert len({str(config | {"seed": None}) for config in configs}) == len(configs)
    if group == "sweeps":
        assert {config["study"] for config in configs} == {choice}
        (question,) = {config["question"] for config in configs}
        assert question.endswith("?"), "a sweep's question stands on the first screen of its report"
        roles: dict[str, set[str]] = {}
        for config in configs:
            roles.setdefault(config["role"] or config["model"]["role"], set()).add(config["model"]["name"])
        assert roles["subject"], "a sweep asks about something"
        assert len(roles) > 1, "and compares it with something else"
        if choice.startswith("tune_"):
            trials = Counter(str((config["model"], config["data"])) for config in configs)
            assert len(set(trials.values())) == 1, "every arm is tried equally often on every task"
        else:
            assert len(seeds) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["ablations", "arms"])
def test_what_a_sweep_asks_are_arms_of_it(choice):
    with composer() as composing:
        jobs = compose_jobs(composing, [f"sweeps={choice}", "seed=0"])
    arms = sorted({job.labels.arm.replace(",", " ") for job in jobs})
    roles = find_roles(study=choice, configs=[(arm, jobs[0].config.to_plain()) for arm in arms], arms=arms, baseline=None)
    assert roles.asks, "it asks for pairs"
    assert not roles.unknown_asks(arms)
