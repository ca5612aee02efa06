"""table.tex: a table of the report for a paper, with booktabs' rules."""

import re

from hrmlab.reporting.layout import Table

_ESCAPES = {sign: f"\\{sign}" for sign in "&%$#_{}"}
_ESCAPES |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_ESCAPES |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "−": "$-$", "–": "--", "±": r"$\pm$", "×": r"$\times$"}
_HEAD = "% Needs \\usepackage{booktabs}; names are long, so that a wide table may want \\resizebox or \\small."


def latex_table(table: Table, *, caption: str, label: str) -> str:
    """A table environment that compiles in any document that loads booktabs."""
    alignment = "".join("l" if place < table.labels else "r" for place in range(len(table.columns)))
    lines = [
        _HEAD,
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{inline(caption)}}}",
        f"\\label{{{label}}}",
        f"\\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        " & ".join(_cell(column, place < table.labels) for place, column in enumerate(table.columns)) + r" \\",
        r"\midrule",
        *(" & ".join(_cell(value, place < table.labels) for place, value in enumerate(row)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def inline(value: str) -> str:
    """Inline Markdown (code, strong, emphasis, links) as LaTeX; all else is escaped."""
    pieces = []
    for place, piece in enumerate(value.split("`")):
        if place % 2:
            pieces.append(f"\\texttt{{{_escaped(piece)}}}")
            continue
        piece = re.sub(r"\[([^\]]+)\]\((?:#|http)[^)]*\)", r"\1", piece)
        strong = re.split(r"\*\*(.+?)\*\*", piece)
        pieces.append("".join(f"\\textbf{{{_escaped(part)}}}" if odd % 2 else _emphasised(part) for odd, part in enumerate(strong)))
    return "".join(pieces)


def _emphasised(value: str) -> str:
    parts = re.split(r"(?<![\w*])\*(\w[^*]*?)\*(?![\w*])", value)
    return "".join(f"\\emph{{{_escaped(part)}}}" if odd % 2 else _escaped(part) for odd, part in enumerate(parts))


def _cell(value: str, is_label: bool) -> str:
    """Lines of a cell stand in a small table of their own."""
    lines = [inline(line.strip()) for line in value.split("<br>")]
    if len(lines) == 1:
        return lines[0]
    inner = r" \\ ".join(_guarded(line) for line in lines)
    return rf"\begin{{tabular}}[t]{{@{{}}{'l' if is_label else 'r'}@{{}}}}{inner}\end{{tabular}}"


def _guarded(line: str) -> str:
    """After a line's end LaTeX takes a bracket for a distance."""
    return f"{{}}{line}" if line.startswith("[") else line


def _escaped(value: str) -> str:
    return "".join(_ESCAPES.get(sign, sign) for sign in value)
