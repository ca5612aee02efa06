"""The report as Markdown and as one HTML file, from the same templates; only the form of headings, tables and figures differs.

A section is a file in ``templates/sections``. It appears, in its place and in the table of contents, where it has something to say.
"""

import base64
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hrmlab.reporting import text
from hrmlab.reporting.figures.drawing import DOTS_PER_INCH, Picture

_STYLES = ("uplot/uPlot.min.css", "report.css")
_SCRIPTS = ("uplot/uPlot.iife.min.js", "sortable/sortable.min.js", "sortable/sortable.a11y.min.js", "report.js")


@dataclass(frozen=True)
class Section:
    """A collapsible part of the page: its heading and its body in the page's form."""

    title: str
    body: str


def render_markdown(content: dict[str, Any], sections: Sequence[tuple[str, str]]) -> str:
    """The report as Markdown; figures are referred to as ``figures/<name>``.

    Args:
        content: what the templates read.
        sections: (title, template) in order.
    """
    return _blank_lines(_render(content, sections, form="markdown.j2"))


def render_html(content: dict[str, Any], sections: Sequence[tuple[str, str]], *, title: str, charts: str) -> str:
    """The same report as one HTML file that holds its figures, its scripts and, in ``charts``, the data of its curves."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=html.escape(title),
            body=_render(content, sections, form="html.j2"),
            charts=charts,
            styles="\n".join(map(_static, _STYLES)),
            scripts=[_static(name) for name in _SCRIPTS],
        )
    )


def _static(name: str) -> str:
    return (files("hrmlab.reporting.page") / "static" / name).read_text(encoding="utf-8").strip()


@cache
def _environment() -> Environment:
    """One for a process: templates are compiled once, and a report renders each of them in two forms."""
    environment = Environment(  # not auto-escaped: the Markdown form must not be, the HTML form escapes in its filters
        loader=PackageLoader("hrmlab.reporting.page"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=False,
    )
    environment.filters.update(cell=_cell, inline=_inline, anchor=_anchor, base64=_base64, width=_width, sort_key=_sort_key, fenced=_fenced)
    environment.globals.update(plural=text.plural, listing=text.listing)
    return environment


def _render(content: dict[str, Any], sections: Sequence[tuple[str, str]], *, form: str) -> str:
    environment = _environment()
    context = {**content, "form": environment.get_template(form)}
    bodies = [Section(title, environment.get_template(f"sections/{name}.j2").render(**context).strip()) for title, name in sections]
    return environment.get_template("report.j2").render(**context, sections=[section for section in bodies if section.body])


def _cell(value: str) -> str:
    """A Markdown table cell: one line, no column separator of its own."""
    return " ".join(value.split()).replace("|", "\\|")


def _inline(value: str) -> str:
    """Inline Markdown (code, strong, emphasis, links, <br>) as HTML; all else is escaped."""
    pieces = []
    for place, piece in enumerate(value.split("`")):
        escaped = html.escape(piece, quote=False)
        if place % 2:
            pieces.append(f"<code>{escaped.replace('_', '_<wbr>')}</code>")
            continue
        pieces.append(escaped.replace("&lt;br&gt;", "<br>"))
    joined = "".join(pieces)
    joined = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", joined)
    joined = re.sub(r"(?<![\w*])\*(\w[^*]*?)\*(?![\w*])", r"<em>\1</em>", joined)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', joined)


def _sort_key(value: str) -> str:
    """What a table sorts by where a cell shows a number: its value, not its text."""
    if not isinstance(value, text.Number):
        return ""
    return f' data-sort="{"" if value.value is None else format(value.value, ".10g")}"'


def _base64(picture: Picture) -> str:
    return base64.b64encode(_small(picture.png)).decode()


def _small(png: bytes) -> bytes:
    """The same picture in 256 colours, a third of the bytes; what is drawn here has few."""
    from PIL import Image  # of matplotlib's dependencies

    with Image.open(io.BytesIO(png)) as image:
        buffer = io.BytesIO()
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _width(picture: Picture) -> int:
    """CSS pixels at which a point of the figure is a point of the page."""
    return round(int.from_bytes(picture.png[16:20], "big") * 96 / DOTS_PER_INCH)


def _fenced(value: str) -> str:
    """A Markdown code block around any text."""
    longest = max((len(run) for run in re.findall(r"`+", value)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{value}\n{fence}"


def _anchor(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")


def _blank_lines(value: str) -> str:
    """Never more than one blank line in a row."""
    return re.sub(r"\n{3,}", "\n\n", value).strip() + "\n"
