"""One template, two forms: the report's content as Markdown and as a self-contained HTML page."""

import base64
import html
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hrmlab.reporting import text


def render_markdown(content: dict[str, Any]) -> str:
    """The report as Markdown; figures are referred to as ``figures/<name>``."""
    return _blank_lines(_render(content, form="markdown.j2"))


def render_html(content: dict[str, Any], *, title: str) -> str:
    """The same report as one HTML file that holds its figures."""
    return _environment().get_template("page.html.j2").render(title=html.escape(title), body=_render(content, form="html.j2"))


def _environment() -> Environment:
    environment = Environment(  # not auto-escaped: the Markdown form must not be, the HTML form escapes in its filters
        loader=PackageLoader("hrmlab.reporting.page"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=False,
    )
    environment.filters.update(cell=_cell, inline=_inline, anchor=_anchor, base64=lambda data: base64.b64encode(data).decode())
    environment.globals.update(plural=text.plural, listing=text.listing)
    return environment


def _render(content: dict[str, Any], *, form: str) -> str:
    environment = _environment()
    return environment.get_template("report.j2").render(**content, form=environment.get_template(form))


def _cell(value: str) -> str:
    """A Markdown table cell: one line, no column separator of its own."""
    return " ".join(value.split()).replace("|", "\\|")


def _inline(value: str) -> str:
    """Inline Markdown (code, strong, emphasis, links, <br>) as HTML; all else is escaped."""
    pieces = []
    for place, piece in enumerate(value.split("`")):
        escaped = html.escape(piece, quote=False)
        if place % 2:
            pieces.append(f"<code>{escaped}</code>")
            continue
        pieces.append(escaped.replace("&lt;br&gt;", "<br>"))
    joined = "".join(pieces)
    joined = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", joined)
    joined = re.sub(r"(?<![\w*])\*(\w[^*]*?)\*(?![\w*])", r"<em>\1</em>", joined)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', joined)


def _anchor(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")


def _blank_lines(value: str) -> str:
    """Never more than one blank line in a row."""
    return re.sub(r"\n{3,}", "\n\n", value).strip() + "\n"
