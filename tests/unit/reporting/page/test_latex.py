"""table.tex: everything that LaTeX takes for a command is escaped, and pdflatex accepts it where there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrmlab.reporting.layout import Table
from hrmlab.reporting.page.latex import inline, latex_table

TABLE = Table(
    ("Arm", "maze_10x10 & more"),
    (("`hrm segments=1`", "**44.5 %** [25.9, 63.1]<br>[−42.6, −4.2]<br>3 seeds"), ("50 % ~ #1 ^ {x} \\ $ < | –", "1.2 ± 0.3")),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("`a_b` 50 %", r"\texttt{a\_b} 50 \%"),
        ("**x & y**", r"\textbf{x \& y}"),
        ("*exact accuracy*", r"\emph{exact accuracy}"),
        ("[card](#fairness-card) −1", "card $-$1"),
        ("a\\b", r"a\textbackslash{}b"),
    ],
)
def test_inline_markdown_as_latex(given: str, expected: str) -> None:
    assert inline(given) == expected


def test_a_cell_of_several_lines_is_a_table_of_its_own() -> None:
    made = latex_table(TABLE, caption="c", label="tab:x")
    assert r"\begin{tabular}[t]{@{}r@{}}\textbf{44.5 \%} [25.9, 63.1] \\ {}[$-$42.6, $-$4.2] \\ 3 seeds\end{tabular}" in made
    assert made.count(r"\begin{tabular}") == made.count(r"\end{tabular}") == 2


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_no_sign_of_its_own_remains(words: str) -> None:
    made = inline(words.replace("`", "").replace("*", "").replace("[", ""))
    for sign in "&%$#_":
        assert all(made[place - 1] == "\\" for place, found in enumerate(made) if found == sign)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: apt install texlive-latex-base)")
def test_it_compiles(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(latex_table(TABLE, caption="50 % of `a_b`", label="tab:x"))
    rules = r"\let\toprule\hline\let\midrule\hline\let\bottomrule\hline"  # where TeX was installed without booktabs
    head = rf"\documentclass{{article}}\IfFileExists{{booktabs.sty}}{{\usepackage{{booktabs}}}}{{{rules}}}"
    (tmp_path / "paper.tex").write_text(head + r"\begin{document}\input{table}\end{document}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120).returncode == 0
