"""Records from a library: a small one of our own, and the installed Python's."""

import ast
import textwrap

import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.code.library.functions import python_functions
from hrmlab.data.code.normal_form import function_hash, normalised_ast_hash
from hrmlab.data.code.overlap import contamination
from hrmlab.data.code.problems.load import load_problems
from hrmlab.data.code.source_text import normalise_indentation, split_function, write_docstring


def library_of(tmp_path, **files: str) -> str:
    for name, text in files.items():
        path = tmp_path / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return str(tmp_path)


def everything(library: str, **options) -> dict[str, str]:
    """Prompt and solution by qualified name, of both splits."""
    records = []
    for split in ("train", "validation"):
        try:
            records += python_functions(seed=0, split=split, library=library, **options)
        except UserError:
            continue
    return {record.task_id.split(":", 1)[1]: record.prompt + "|" + record.canonical_solution for record in records}


def test_functions_are_cleaned(tmp_path):
    library = library_of(
        tmp_path,
        one='''
        import functools

        class Shape:
          @classmethod
          def scale(cls, by: int = 2,
                    *, name=""):
            \'\'\'Scale it.

            A second line with a \\\\ backslash.
            \'\'\'
            if by:   # at once
              text = """
          kept
            as it is"""
              return text
            return cls(by)

        @functools.lru_cache
        def cached(value):
            "A cached value."
            return value * 3
        ''',
    )
    found = everything(library)
    assert found["Shape.scale"] == (
        'def scale(cls, by: int = 2,\n          *, name=""):\n    """Scale it.\n\n    A second line with a \\\\ backslash.\n    """\n|'
        '    if by:   # at once\n        text = """\n  kept\n    as it is"""\n        return text\n    return cls(by)\n'
    )
    assert found["cached"] == '@functools.lru_cache\ndef cached(value):\n    """A cached value."""\n|    return value * 3\n'


def test_what_teaches_nothing_is_left_out(tmp_path):
    library = library_of(
        tmp_path,
        one='''
        def empty():
            """Nothing."""

        def announced(self):
            """Somebody else's."""
            raise NotImplementedError("later")

        def undocumented(value):
            return value

        class Child:
            def __init__(self):
                """Needs its class."""
                super().__init__()

            def mangled(self):
                """Needs its class."""
                return self.__secret

        def kept(value):
            """Kept."""
            def inner():
                """Not by itself."""
                return value
            return inner
        ''',
        two='def copy(other):\n    """Kept, in other words."""\n    def within():\n        return other\n    return within\n',
        broken="def (:\n",
        test__suite='def tested():\n    """Of a test."""\n    return 4\n',
    )
    assert list(everything(library)) == ["kept"]


def test_one_liners_get_lines_of_their_own(tmp_path):
    library = library_of(tmp_path, one="def add(a, b): 'Sum.'; return a + b\n")
    assert everything(library) == {"add": 'def add(a, b):\n    """Sum."""\n|    return a + b\n'}


def test_limits_and_splits_are_checked(tmp_path):
    library = library_of(tmp_path, one='def add(a, b):\n    """Sum."""\n    return a + b\n')
    with pytest.raises(UserError, match="split=dev is unknown"):
        python_functions(seed=0, split="dev", library=library)
    with pytest.raises(UserError, match="max_bytes=0 must be at least 1"):
        python_functions(seed=0, max_bytes=0, library=library)
    with pytest.raises(UserError, match="lower count or raise max_bytes"):
        python_functions(seed=0, count=99, library=library)


def test_the_normal_form_knows_names_from_meaning():
    base = (
        'def f(a, b: int = 2) -> int:\n    """Text."""\n    import os as system\n    return [f(a=x, b=b) + len(system.name) for x in a]\n'
    )
    same = "def g(p, q=2):\n  import os as o\n\n  return [g(p=z, b=q) + len(o.name) for z in p]  # same\n".replace("b=q", "q=q")
    assert normalised_ast_hash(base) == normalised_ast_hash(same)
    for old, new in (
        ("len", "sum"),
        ("= 2", "= 3"),
        (".name", ".sep"),
        ("import os", "import io"),
        ("for x in a", "for x in b"),
        ("+", "-"),
    ):
        assert normalised_ast_hash(base) != normalised_ast_hash(base.replace(old, new)), old
    assert normalised_ast_hash("def f(:") is None
    assert function_hash("import os\n\ndef f(a):\n    return a\n", "f") == normalised_ast_hash("def other(value):\n    return value\n")
    assert function_hash("x = 1\n", "f") is None


def test_one_swapped_pair_of_names_is_another_program():
    assert normalised_ast_hash("def f(a, b):\n    return a - b\n") != normalised_ast_hash("def f(a, b):\n    return b - a\n")
    assert normalised_ast_hash("def f(a):\n    return 1\n") != normalised_ast_hash("def f(a):\n    return 1.0\n")


def test_indentation_is_normalised_without_touching_strings():
    source = "\tif a:\n\t  # remark\n\t  b = [1,\n\t       2]   \n\telse:\n\t    c = '''x\n y  \n'''\n"
    assert normalise_indentation(source) == "if a:\n    # remark\n    b = [1,\n         2]\nelse:\n    c = '''x\n y  \n'''\n"
    with pytest.raises(SyntaxError):
        normalise_indentation("f(\n")
    with pytest.raises(SyntaxError):
        split_function("x = 1\n")


def test_remarks_and_decorators_of_the_body_stay_with_it():
    parts = split_function("def f(a,\n      b):  # both\n\n  # remark\n  @a\n  def g(): return b\n  return g\n")
    assert parts.signature == "def f(a,\n      b):  # both\n"
    assert parts.body == "    # remark\n    @a\n    def g(): return b\n    return g\n"


@pytest.mark.parametrize("text", ["Plain.", 'Ends in "quotes"', 'Has """three"""', "Back\\slash \\n", "First\n\n    indented\nlast", '"'])
def test_docstrings_read_back(text):
    tree = ast.parse("def f():\n" + write_docstring(text))
    assert isinstance(tree.body[0], ast.FunctionDef)
    assert (ast.get_docstring(tree.body[0]) or "").rstrip() == text  # the closing quotes may have a line of their own


@pytest.fixture(scope="module")
def standard_library():
    return python_functions(seed=1), python_functions(seed=1, split="validation")


@pytest.mark.slow  # reads the whole standard library
def test_the_standard_library_gives_thousands_of_valid_functions(standard_library):
    train, validation = standard_library
    assert len(train) > 4000
    assert 100 < len(validation) < 0.12 * len(train)
    hashes = [record.program_hash for record in (*train, *validation)]
    assert len(set(hashes)) == len(hashes)
    assert len({record.task_id for record in (*train, *validation)}) == len(hashes)
    assert not {record.prompt for record in train} & {record.prompt for record in validation}
    for record in train[:500]:
        (node,) = ast.parse(record.prompt + record.canonical_solution).body
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        assert node.name == record.entry_point
        assert ast.get_docstring(node)
        assert record.prompt.endswith('"""\n')
        assert record.canonical_solution.startswith("    ")
        assert not any("/" + folder + "/" in record.task_id for folder in ("test", "tests", "idlelib", "site-packages"))


@pytest.mark.slow  # reads the whole standard library
def test_order_is_by_seed_and_limits_only_take_away(standard_library):
    train, _ = standard_library
    assert python_functions(seed=1, count=50) == train[:50]
    other = python_functions(seed=2)
    assert other != train
    assert set(other) == set(train)
    short = python_functions(seed=1, max_bytes=400)
    assert short == [each for each in train if len((each.prompt + each.canonical_solution).encode()) <= 400]


@pytest.mark.slow  # reads the whole standard library
def test_humaneval_is_not_in_the_standard_library_but_for_addition(standard_library):
    """``operator.add`` is HumanEval/53; nothing else coincides but commonplace phrases."""
    humaneval = load_problems("humaneval")
    found = contamination(standard_library[0], {"humaneval": humaneval})
    overlap = found.sets["humaneval"]
    assert [example.evaluation for example in overlap.examples if example.kind == "ast"] == ["HumanEval/53"]
    assert overlap.hits["exact_prompt"] == overlap.hits["exact_whole"] == overlap.hits["ngram_prompt"] == 0
    assert overlap.hits["ngram_solution"] <= 5
    rest = [each for position, each in enumerate(standard_library[0]) if position not in found.leaking]
    assert not contamination(rest, {"humaneval": humaneval}).leaks
