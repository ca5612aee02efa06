"""transformers' own common tests, which its wheel lacks: got from the package index as the source release of the version that is installed.

A source release has the modules of the folder ``tests`` and none of its subfolders. What those modules import from there is stood in for:
by an empty class where it would only add tests (of generation, of export), which then are not run. A clone of transformers has everything
and is taken as it is.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from transformers import PreTrainedConfig

from hrmlab.core.errors import UserError

os.environ.setdefault("RUN_SLOW", "1")  # before transformers.testing_utils is imported: one test is slow for large models alone
os.environ.setdefault("TRANSFORMERS_TEST_DEVICE", "cpu")

VARIABLE = "HRMLAB_TRANSFORMERS_TESTS"
"""Names a clone or a source release of transformers, a folder or an archive, to be used instead."""

_PACKAGE = "tests"  # under this name they import each other
_CACHE = Path(__file__).resolve().parents[2] / ".cache"


class NotToBeHad(UserError):  # noqa: N818 - reads as what it is
    """The tests cannot be downloaded here; the message is one sentence on why, and what helps."""


def module(name: str) -> ModuleType:
    """A module of the folder ``tests`` of transformers, such as ``test_modeling_common``.

    Raises:
        NotToBeHad: they cannot be downloaded.
        UserError: what :data:`VARIABLE` names is not transformers.
    """
    if _PACKAGE not in sys.modules or str(_folder()) not in sys.modules[_PACKAGE].__path__:
        _add(_PACKAGE, _folder())
        for path, contents in _stand_ins().items():
            if not has(path):
                parent = path.partition(".")[0]
                _add(f"{_PACKAGE}.{parent}", _folder() / parent)
                vars(_add(f"{_PACKAGE}.{path}")).update(contents)
    return importlib.import_module(f"{_PACKAGE}.{name}")


def has(name: str) -> bool:
    """Whether the folder itself has this module, so that nothing stands in for it."""
    return _folder().joinpath(*name.split(".")).with_suffix(".py").is_file()


def _stand_ins() -> dict[str, dict[str, Any]]:
    other: dict[str, Any] = {"dtype": "float16", "id2label": {0: "one"}, "label2id": {"one": 0}}
    for field in fields(PreTrainedConfig):  # a value that is not the default, for each switch that every configuration has
        if isinstance(field.default, bool):
            other[field.name] = not field.default
    return {
        "generation.test_utils": {"GenerationTesterMixin": type("GenerationTesterMixin", (), {})},
        "exporters.test_export": {name: type(name, (), {}) for name in ("ExportTesterMixin", "ExportGenerateTesterMixin")},
        "utils.test_configuration_utils": {"config_common_kwargs": other},
    }


def _add(name: str, folder: Path | None = None) -> ModuleType:
    made = sys.modules[name] = ModuleType(name)
    if folder is not None:
        made.__path__ = [str(folder)]
    return made


@cache
def _folder() -> Path:
    """The folder ``tests``."""
    named = os.environ.get(VARIABLE)
    release = f"transformers-{version('transformers')}"
    kept = _CACHE / (f"tests of {Path(named).name}" if named else release)
    if named and Path(named).is_dir():
        kept = Path(named) / "tests"
    elif named or not kept.is_dir():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as beside:
            _unpack(Path(named) if named else _downloaded(release, Path(beside)), Path(beside))
            shutil.rmtree(kept, ignore_errors=True)
            with suppress(OSError):  # a process beside this one was quicker
                (Path(beside) / "tests").rename(kept)
    if not (kept / "test_modeling_common.py").is_file():
        raise UserError(f"{VARIABLE}={named} has no tests/test_modeling_common.py; name a clone or a source release of transformers")
    return kept


def _downloaded(release: str, folder: Path) -> Path:
    """The source release, as an archive in this folder."""
    name, _, number = release.partition("-")
    words = ["--no-deps", "--no-binary", name, "--retries", "1", "--dest", str(folder), f"{name}=={number}"]
    told = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *words], capture_output=True, text=True, check=False)
    found = [*folder.glob(f"{release}.*")]
    if told.returncode or not found:
        last = (told.stderr.strip().splitlines() or ["pip wrote nothing"])[-1]
        raise NotToBeHad(
            f"transformers' own tests cannot be had: its source release is not to be downloaded ({last}); "
            f"have a package index, or set {VARIABLE} to a clone or a source release of transformers"
        )
    return found[0]


def _unpack(archive: Path, folder: Path) -> None:
    """Lay the folder ``tests`` of an archive into this folder."""
    try:
        with tarfile.open(archive) as opened:
            for member in opened.getmembers():
                _, _, inner = member.name.partition("/")
                if inner == "tests" or inner.startswith("tests/"):
                    member.name = inner
                    opened.extract(member, folder, filter="data")
        (folder / "tests" / "__init__.py").touch()  # one of its modules runs it
    except (OSError, tarfile.TarError):
        raise UserError(f"{archive} is no folder and no archive that can be read; set {VARIABLE} to one of transformers") from None


if __name__ == "__main__":  # make test-hf: once, before several processes want them
    try:
        print(f"transformers' own tests: {_folder()}")
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(0 if isinstance(error, NotToBeHad) else 2)
