import subprocess
import sys
from textwrap import dedent
from typing import Annotated, Literal, get_args

import pytest

from hrmlab.config.composition import composer
from hrmlab.config.signatures import REQUIRED, component_parameters
from hrmlab.config.validation import validate_section
from hrmlab.config.values import AtLeast, FromZeroBelow
from hrmlab.core.components import build, call, locate
from hrmlab.core.errors import UserError

SOURCE = """
from __future__ import annotations
import does_not_exist_anywhere
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional, Union
from .aliases import Positions, DEFAULT
if TYPE_CHECKING:
    from .aliases import Kind
raise RuntimeError("parsed, never run")

class Base:
    def __init__(self, *, width: int, path: str | Path | None = None): ...

class Child(Base): ...

@dataclass
class Fields:
    a: int
    b: list[float] = ()
    c: Device = None
    d: dict[str, float] = field(default_factory=dict)
    e: list[int] = field(default_factory=list)
    f: int = field(repr=False)

class Everything:
    def __init__(
        self, first: int, /, second: "float" = -1.5, *, positions: Positions = DEFAULT, kind: Kind = "x", spec: TaskSpec,
        both: Union[int, str] = 3, maybe: Optional[bool] = None, items: tuple[int, ...] = (1, 2), noted: Annotated[int, "n"] = 1,
        named: dict | None = None, rates: dict[str, float] = 0, entries: list[str | dict] | None = None,
    ): ...

def function(*, rate: float = 1e-3, parameters: Iterable[Tensor]): ...
def greedy(**anything): ...
def untyped(a): ...
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "parsed_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('parsed, never run')\nfrom .things import Child as Renamed\n")
    (folder / "things.py").write_text(SOURCE)
    (folder / "aliases.py").write_text(
        'from typing import Literal\nPositions = Literal["rope", "none"]\nKind: type = str\nDEFAULT = "rope"\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "parsed_package"


def test_every_way_to_spell_a_parameter(package):
    found = {name: (value.annotation, value.default) for name, value in component_parameters(f"{package}.things.Everything").items()}
    assert found == {
        "first": (int, REQUIRED),
        "second": (float, -1.5),
        "positions": (Literal["rope", "none"], "rope"),
        "kind": (str, "x"),
        "both": (int | str, 3),
        "maybe": (bool | None, None),
        "items": (tuple[int, ...], [1, 2]),
        "noted": (int, 1),
        "named": (dict | None, None),
        "rates": (dict[str, float], 0),
        "entries": (list[str | dict] | None, None),
    }


def test_inherited_constructors_dataclasses_functions_and_reexports(package):
    assert set(component_parameters(f"{package}.things.Child")) == {"width", "path"}
    assert component_parameters(f"{package}.Renamed")["path"].annotation == str | None
    assert {name: value.default for name, value in component_parameters(f"{package}.things.Fields").items()} == {
        "a": REQUIRED,
        "b": [],
        "d": {},
        "e": [],
        "f": REQUIRED,
    }
    assert set(component_parameters(f"{package}.things.function")) == {"rate"}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("parsed_package.things.Evrything", "did you mean Everything?"),
        ("parsed_package.thing.Everything", "no module parsed_package.thing"),
        ("no_such_package.Thing", "no module no_such_package"),
        ("Thing", "no module"),
        ("parsed_package.things.greedy", "**kwargs"),
        ("parsed_package.things.untyped", "does not say the type of its parameter a"),
    ],
)
def test_what_cannot_be_a_schema_is_said(package, target, words):
    with pytest.raises(UserError) as error:
        component_parameters(target, path="model._target_")
    assert words in str(error.value)
    assert target in str(error.value)


def test_reading_a_model_imports_no_torch():
    code = dedent("""
        import sys
        from hrmlab.config.signatures import component_parameters
        assert "h_layers" in component_parameters("hrmlab.models.hrm.HRM")
        assert "torch" not in sys.modules and "hrmlab.models" not in sys.modules
    """)
    subprocess.run([sys.executable, "-c", code], check=True)


SHARED = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from hrmlab.config import values
from hrmlab.config.values import AtLeast, FromZeroBelow
from hrmlab.core import components
from hrmlab.core.components import Options
if TYPE_CHECKING:
    from hrmlab.core.task import TaskSpec
    from hrmlab.layers.options import SegmentOptions

SMALLEST = 2

@dataclass(frozen=True, kw_only=True)
class Common(Options):
    rate: Annotated[float, FromZeroBelow(limit=1.0)] = 0.5
    count: int

@dataclass(frozen=True, kw_only=True)
class More(Common):
    rate: Annotated[float, values.FromZeroBelow(limit=1.0)] = 0.25
    extra: Annotated[int, AtLeast(SMALLEST)] | None = None

@dataclass(frozen=True)
class OtherOptions(components.Options):
    depth: int = 1

@dataclass(frozen=True, kw_only=True)
class Facts:
    length: int = 3

class Thing:
    def __init__(self, *, task: TaskSpec, facts: Facts = Facts(), shared: "More", other: OtherOptions, own: bool = True):
        self.task, self.facts, self.shared, self.other, self.own = task, facts, shared, other, own

class Mixin: ...
class Inheriting(Mixin, Thing): ...

class Clash:
    def __init__(self, *, shared: Common, rate: float): ...

class Hidden:
    def __init__(self, *, segments: SegmentOptions): ...

def unreadable(*, count: Annotated[int, AtLeast(min(1, 2))]): ...
def making(*, shared: Common) -> Common:
    return shared
"""


@pytest.fixture
def shared(tmp_path, monkeypatch):
    (tmp_path / "shared_options.py").write_text(SHARED)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "shared_options"
    sys.modules.pop("shared_options", None)


@pytest.mark.parametrize("name", ["Thing", "Inheriting"])
def test_options_are_flattened_for_the_schema_and_nested_again_for_the_constructor(shared, name):
    parsed = component_parameters(f"{shared}.{name}")
    defaults = {"rate": 0.25, "count": REQUIRED, "extra": None, "depth": 1, "own": True}
    assert {key: value.default for key, value in parsed.items()} == defaults
    assert parsed["rate"].annotation == Annotated[float, FromZeroBelow(1.0)]
    assert get_args(parsed["extra"].annotation) == (Annotated[int, AtLeast(2)], type(None))
    built = build({"_target_": f"{shared}.{name}", "name": "thing", "count": 7, "extra": 2, "own": False}, task="handed in")
    assert (built.task, built.shared.rate, built.shared.count, built.shared.extra) == ("handed in", 0.25, 7, 2)
    assert (built.other.depth, built.own, built.facts.length) == (1, False, 3)


def test_a_function_takes_options_and_may_return_some(shared):
    assert set(component_parameters(f"{shared}.making")) == {"rate", "count"}
    made = build({"_target_": f"{shared}.making", "count": 7})
    assert (made.rate, made.count) == (0.5, 7)
    assert call(locate(f"{shared}.making"), shared=made) is made


def test_a_key_that_stands_twice_is_refused(shared):
    with pytest.raises(UserError, match="takes the key rate twice"):
        component_parameters(f"{shared}.Clash")


def test_a_bound_that_has_to_be_computed_is_refused(shared):
    with pytest.raises(UserError, match=r"the bound AtLeast\(min\(1, 2\)\) cannot be read"):
        component_parameters(f"{shared}.unreadable")


def test_options_that_only_a_type_checker_sees_are_named(shared):
    with pytest.raises(UserError, match=r"shared_options\.Hidden: the type SegmentOptions of its parameter segments is unknown"):
        build({"_target_": f"{shared}.Hidden", "max_segments": 3})


@pytest.mark.parametrize(
    ("section", "choice", "key", "values"),
    [
        ("optimizer", "adamw", "learning_rate", [0, -1]),
        ("optimizer", "muon", "weight_decay", [-1]),
        ("optimizer", "adamw", "schedule", ["cosin", "a..b"]),
        ("optimizer", "adamw", "decay_share", [0.0, 1.5]),
        ("optimizer", "muon", "hold_share", [-0.1, 1.0]),
        ("optimizer", "adam_atan2", "warmup_steps", [-1]),
        ("optimizer", "muon", "momentum", [-0.1, 1.0]),
        ("optimizer", "adamw", "beta2", [-0.1, 1.0]),
        ("model", "hrm", "h_layers", [0]),
        ("model", "hrm", "l_cycles", [0]),
        ("model", "hrm", "max_segments", [0]),
        ("model", "hrm", "exploration", [-0.1, 1.5]),
        ("model", "transformer", "layers", [0, -3]),
        *[
            ("model", arm, width, [0, -4])
            for arm in ("hrm", "transformer", "deep_supervision_transformer")
            for width in ("hidden_size", "num_heads", "mlp_width")
        ],
        ("model", "deep_supervision_transformer", "puzzle_embedding_size", [-1]),
    ],
)
def test_bounds_of_arguments_are_those_of_the_signature(section, choice, key, values):
    with composer() as composing:
        plain = composing.compose([f"{section}={choice}"]).config.to_plain()[section]
    validate_section(section, plain)
    for value in values:
        with pytest.raises(UserError, match=rf"{section}\.{key}={value}(\.0)? .*; give"):
            validate_section(section, plain | {key: value})
