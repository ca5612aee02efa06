"""Pages of the site that are generated when it is built: of configurations from their schemas, of commands from their help, of Python from
docstrings. Called by mkdocs (``hooks`` in mkdocs.yml); nothing here is a page."""

import contextlib
import importlib
import inspect
import io
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from hrmlab.config.location import SECTIONS, choices, config_file
from hrmlab.config.schema import COMPONENT_SECTIONS, LOGGERS, SECTION_SCHEMAS, Root
from hrmlab.config.signatures import component_parameters
from hrmlab.core.components import locate, options_of
from hrmlab.core.yaml_text import parse_yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "hrmlab": ("Opening and measuring runs", "workflows: open_run opened solved_puzzle, runs: tables"),
    "reasoners": ("Reasoners", "core: batches task, models: reasoner attending sizing halting, layers: options"),
    "tasks": ("Tasks", "data: task example_set, core: measures"),
    "evaluation": ("Evaluation", "evaluation: solve split engine, core: trace"),
    "training": ("Training", "training: losses optimizers schedules terms.term"),
    "statistics": ("Statistics", "statistics: calibrated intervals correction convergence pass_at_k"),
    "exporting": ("Exporting", "exporting: segment program onnx_file exported weights"),
}
"""Page -> its title and the modules whose docstrings it shows."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    pages = {"reference/commands.md": commands_page(), "reference/configuration.md": root_page()}
    pages |= {f"reference/configuration/{section}.md": section_page(section) for section in SECTIONS}
    pages |= {f"reference/python/{name}.md": python_page(*about) for name, about in PACKAGES.items()}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to files of the repository that are no pages, which a forge shows and the site does not, as their texts."""
    folder = (ROOT / "docs" / page.file.src_uri).parent

    def shown(link: re.Match[str]) -> str:
        place = (folder / link[2]).resolve()
        return link[1] if place.exists() and not place.is_relative_to(ROOT / "docs") else link[0]

    return re.sub(r"\[([^\]]+)\]\(([^)#:\s]+)\)", shown, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Sphinx roles of docstrings, ``:mod:`hrmlab.core```, as the code that they name."""
    return re.sub(r":(?:class|func|meth|mod|attr|data):(<code>)~?", r"\1", html)


def python_page(title: str, modules: str) -> str:
    """Directives that mkdocstrings fills in; ``modules`` by package, as in ``PACKAGES``."""
    listed = [f"{package}.{name}" for package, _, names in (part.partition(": ") for part in modules.split(", ")) for name in names.split()]
    return f"# {title}\n\n" + "\n\n".join(f"::: hrmlab.{module}" for module in listed) + "\n"


def commands_page() -> str:
    """The help of every console command, by its own mouth."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    parts = ["# Commands\n\nWhat each says with `--help`.\n"]
    for name, target in sorted(scripts.items()):
        module = importlib.import_module(target.partition(":")[0])
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
            module.command(["--help"])
        assert said.getvalue().strip(), f"{name} --help says nothing"
        parts.append(f"## {name}\n\n```text\n{said.getvalue().rstrip()}\n```\n")
    return "\n".join(parts)


def root_page() -> str:
    """Keys beside the sections, and links to the sections."""
    listed = "\n".join(
        f"- [`{section}=`](configuration/{section}.md): {', '.join(f'`{one}`' for one in choices(section))}" for section in SECTIONS
    )
    first = parse_yaml((ROOT / "conf" / "train.yaml").read_text(encoding="utf-8"))
    keys = _table(_hints(Root), {key: value for key, value in first.items() if key != "defaults"}, _meanings(Root), {})
    return (
        "# Configuration\n\nEvery key that there is, with its type and bounds as the commands check them, generated from the schemas in "
        f"`hrmlab.config`.\n\n## Sections\n\n{listed}\n\n## Keys beside the sections\n\n{keys}\n"
    )


def section_page(section: str) -> str:
    """One section: a table for its schema, or one for each choice where a choice is a class."""
    parts = [f"# `{section}`\n"]
    if section in SECTION_SCHEMAS:
        schema = SECTION_SCHEMAS[section]
        names = choices(section)
        parts.append(f"Choices: {', '.join(f'`{section}={name}`' for name in names)}. The values here are those of `{names[0]}`.\n")
        parts.append(_table(_hints(schema), _values(section, names[0]), _meanings(schema), _comments(section, names[0])))
        return "\n".join(parts) + "\n"
    for choice in choices(section):
        values, comments = _values(section, choice), _comments(section, choice)
        if section in COMPONENT_SECTIONS:
            target = str(values["_target_"])
            found = locate(target)
            meanings = _meanings(found)
            for options in options_of(found).values():
                meanings |= _meanings(options)
            hints = {name: one.annotation for name, one in component_parameters(target).items()}
            about = f"`{target}`. {_first_line(found)}"
        else:
            schema = LOGGERS[choice]
            hints, meanings, about = _hints(schema), _meanings(schema), _first_line(schema)
        parts.append(f"## `{section}={choice}`\n\n{about}\n\n{_table(hints, values, meanings, comments)}\n")
    return "\n".join(parts)


def _values(section: str, choice: str) -> dict[str, Any]:
    file = config_file(section, choice)
    assert file is not None
    return dict(parse_yaml(file.read_text(encoding="utf-8")))


def _comments(section: str, choice: str) -> dict[str, str]:
    """What a file says of a key behind it."""
    file = config_file(section, choice)
    assert file is not None
    found = re.findall(r"^(\w+):[^#\n]*#\s*(.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(found)


def _hints(schema: type) -> dict[str, Any]:
    hints = get_type_hints(schema, include_extras=True)
    return {one.name: hints[one.name] for one in fields(schema)}


def _meanings(documented: Any) -> dict[str, str]:
    """Key -> its sentence under Args or Attributes of a docstring, base classes included."""
    found: dict[str, str] = {}
    for one in reversed(getattr(documented, "__mro__", (documented,))):
        text = inspect.cleandoc(one.__dict__.get("__doc__") or "") if isinstance(one, type) else inspect.getdoc(one) or ""
        for block in re.findall(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)+)", text, re.MULTILINE):
            for names, words in re.findall(r"^    (\w+(?:, \w+)*): ((?:.*)(?:\n     +.*)*)", block, re.MULTILINE):
                found |= dict.fromkeys(names.split(", "), " ".join(words.split()))
    return found


def _first_line(documented: Any) -> str:
    return _plain((inspect.getdoc(documented) or "").split("\n\n")[0])


def _table(hints: dict[str, Any], values: dict[str, Any], meanings: dict[str, str], comments: dict[str, str]) -> str:
    lines = ["| key | value | type | |", "|---|---|---|---|"]
    for name, hint in hints.items():
        value = _cell(f"`{_shown(values[name])}`") if name in values else ""
        words = "; ".join(dict.fromkeys(word for word in (meanings.get(name, "").rstrip("."), comments.get(name, "")) if word))
        lines.append(f"| `{name}` | {value} | {_cell(type_words(hint))} | {_cell(_plain(words))} |")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _plain(text: str) -> str:
    """Sphinx roles as code."""
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")


def type_words(hint: Any) -> str:
    """A type and its bounds in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = ", ".join(_bound(one) for one in arguments[1:])
        return f"{type_words(arguments[0])} ({bounds})" if bounds else type_words(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in arguments)
    if origin in (Union, UnionType):
        return " or ".join(type_words(one) for one in arguments)
    if origin is not None:
        inner = ", ".join(type_words(one) for one in arguments if one is not Ellipsis)
        return f"{origin.__name__} of {inner}" if inner else origin.__name__
    return {type(None): "null", int: "integer", float: "number", bool: "true or false", str: "text"}.get(
        hint, getattr(hint, "__name__", str(hint))
    )


def _bound(bound: Any) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(bound).__name__).lower()
    given = [f"{value:g}" if isinstance(value, (int, float)) else str(value) for value in vars(bound).values()]
    return " ".join([words, " ".join(given)]).strip()
