import subprocess
import sys
from textwrap import dedent
from typing import Literal

import pytest

from hrmlab.config.signatures import REQUIRED, component_parameters
from hrmlab.core.errors import UserError

SOURCE = """
from __future__ import annotations
import does_not_exist_anywhere
from dataclasses import dataclass
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

class Everything:
    def __init__(
        self, first: int, /, second: "float" = -1.5, *, positions: Positions = DEFAULT, kind: Kind = "x", spec: TaskSpec,
        both: Union[int, str] = 3, maybe: Optional[bool] = None, items: tuple[int, ...] = (1, 2), noted: Annotated[int, "n"] = 1,
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
    }


def test_inherited_constructors_dataclasses_functions_and_reexports(package):
    assert set(component_parameters(f"{package}.things.Child")) == {"width", "path"}
    assert component_parameters(f"{package}.Renamed")["path"].annotation == str | None
    assert {name: value.default for name, value in component_parameters(f"{package}.things.Fields").items()} == {"a": REQUIRED, "b": []}
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
