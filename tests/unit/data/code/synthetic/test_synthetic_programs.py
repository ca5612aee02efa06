"""Kinds of operation, their spellings and wordings, their number, mutants, and the record they become."""

import ast
import json
import re
from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.data.code.synthetic.draws import Draws
from hrmlab.data.code.synthetic.execution import Unbounded, compile_function, fingerprint, outputs
from hrmlab.data.code.synthetic.kinds import FAMILIES, KINDS, Grammar, fill, held_out
from hrmlab.data.code.synthetic.mutation import compiled_mutants
from hrmlab.data.code.synthetic.notation import read_kinds
from hrmlab.data.code.synthetic.operation import Kind, Operation, ValueType
from hrmlab.data.code.synthetic.probes import probe_inputs
from hrmlab.data.code.synthetic.programs import LAYOUTS, draw_style
from hrmlab.data.code.synthetic.rendering import CANONICAL, Style, body, description, prompt, source, usable_forms
from hrmlab.data.code.synthetic.splits import identity
from hrmlab.data.written.record import CodeRecord


def inputs_of(kind: Kind) -> tuple:
    return probe_inputs(kind.takes) if kind.starts else ((True,), (False,))


def find_kind(name: str) -> Kind:
    return next(each for each in KINDS if each.name == name)


def operation(name: str, *codes: str) -> Operation:
    """The kind with the pieces that have these codes."""
    kind = find_kind(name)
    pieces = [next(each for each in choices if each.codes[0] == code) for choices, code in zip(kind.slots.values(), codes, strict=True)]
    return Operation(kind, tuple(pieces))


class TestKinds:
    def test_there_are_many_of_each_family(self):
        assert len(KINDS) >= 200
        assert len({each.name for each in KINDS}) == len(KINDS)
        assert set(FAMILIES) == {"integers", "strings", "lists", "dictionaries", "pipelines", "conditionals", "loops", "recursions"}
        assert all(sum(each.family == family for each in KINDS) >= 10 for family in FAMILIES)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_all_spellings_compute_the_same(self, family: str):
        draws = Draws(0, "test", family)
        for kind in (each for each in KINDS if each.family == family for _ in range(3)):
            one = fill(kind, draws)
            try:
                wanted = outputs((one,), inputs_of(kind))
            except Unbounded:
                continue
            codes = {
                source((one,), Style(layout=layout, forms=(form,), spelling=spelling, name=form))
                for layout in LAYOUTS
                for form in range(len(kind.forms))
                for spelling in range(2)
            }
            assert len(codes) >= len(usable_forms(one, last=True, alone=True))
            for code in codes:
                function = compile_function(code)
                results = [function(*arguments) for arguments in inputs_of(kind)]
                assert results == wanted, code
                assert list(map(type, results)) == list(map(type, wanted)), code

    def test_every_slot_is_named_in_each_phrase_and_form_and_every_kind_fits_the_middle(self):
        for kind in KINDS:
            for text in (*kind.phrases, *kind.forms):
                assert set(re.findall(r"<(\w+)[ >]", text)) == set(kind.slots), text
            assert usable_forms(fill(kind, Draws(0, "test")), last=False, alone=False), kind.name

    def test_there_are_paraphrases(self):
        draws = Draws(1, "test", "paraphrases")
        for kind in (each for each in KINDS if each.starts):
            one = fill(kind, draws)
            texts = {description((one,), draw_style((one,), draws, styles="one", paraphrases=None)) for _ in range(40)}
            assert len(texts) >= 2, kind.name
            assert {description((one,), draw_style((one,), draws, styles="one", paraphrases=1)) for _ in range(3)} == {description((one,))}
            for text in texts:
                assert text.endswith(".")
                assert not re.search(r"[<{]\w+[ >}]|  ", text), text

    def test_notation_says_what_is_wrong(self):
        with pytest.raises(ValueError, match="is not 'name"):
            read_kinds("sum: numbers -> integer")

    def test_counts_and_natural_numbers_are_integers(self):
        assert ValueType.INTEGER.accepts(ValueType.COUNT)
        assert not ValueType.COUNT.accepts(ValueType.INTEGER)


class TestNumberOfPrograms:
    def test_depth_three_has_far_more_than_a_million(self):
        grammar = Grammar()
        assert grammar.count(1) == sum(each.variants for each in KINDS if each.starts)
        draws = Draws(0, "test", "count")
        drawn = [program for _ in range(400) if (program := grammar.draw(3, draws)) is not None]
        hashes = {program_hash for program in drawn if (program_hash := identity(program)) is not None}
        assert grammar.count(3) * len(hashes) / 400 > 1e12, "as written, times the share that behave differently"
        assert len(hashes) > 200, "a million programs drawn 400 times would repeat about 0.1 times"

    def test_depth_one_has_thousands_of_behaviours(self):
        draws = Draws(0, "test", "one")
        hashes = {identity((fill(find_kind("number_choose"), draws),)) for _ in range(1500)}
        assert len(hashes) > 1200

    def test_variants_leave_out_equal_pieces(self):
        assert find_kind("truth_number").variants == 90

    def test_families_are_checked(self):
        with pytest.raises(UserError, match="use some of"):
            Grammar(["colours"])


class TestRendering:
    PROGRAM = (operation("number_keep", "{} % 2 == 0"), operation("number_map", "{} + 3"), operation("total"))

    def test_canonical(self):
        assert prompt(self.PROGRAM) == 'def f(xs):\n    """Keep the even numbers, then add 3 to each, then return the sum of them."""\n'
        assert body(self.PROGRAM) == "    xs = [x for x in xs if x % 2 == 0]\n    xs = [x + 3 for x in xs]\n    return sum(xs)\n"

    def test_one_is_singular(self):
        assert description((operation("number_first", "1"),)) == "Keep the first number."

    def test_nested(self):
        assert body(self.PROGRAM, Style(layout="nested")) == "    return sum([x + 3 for x in [x for x in xs if x % 2 == 0]])\n"

    def test_loops(self):
        code = body(self.PROGRAM[1:], Style(layout="loops", forms=(0, 0), name=1))
        assert code == "    r = []\n    for x in nums:\n        r.append(x + 3)\n    q = 0\n    for x in r:\n        q += x\n    return q\n"

    def test_parentheses_where_needed(self):
        program = (operation("arithmetic", "{} + 3"), operation("arithmetic", "{} * 2"), operation("arithmetic", "abs({})"))
        assert body(program, Style(layout="nested")) == "    return abs((n + 3) * 2)\n"

    @pytest.mark.parametrize("depth", [2, 3, 5])
    def test_styles_of_composed_programs_agree(self, depth: int):
        draws = Draws(depth, "test", "styles")
        checked = 0
        while checked < 30:
            program = Grammar().draw(depth, draws)
            assert program is not None
            if identity(program) is None:
                continue
            wanted = outputs(program, inputs_of(program[0].kind))
            for _ in range(4):
                style = draw_style(program, draws, styles="all", paraphrases=None)
                function = compile_function(source(program, style), style.entry_point)
                assert [function(*arguments) for arguments in inputs_of(program[0].kind)] == wanted
                ast.parse(prompt(program, style) + body(program, style))
            checked += 1

    def test_equal_behaviour_is_one_program(self):
        twice = (operation("arithmetic", "{} + 2"), operation("arithmetic", "{} + 3"))
        assert fingerprint(twice) == fingerprint((operation("arithmetic", "{} + 5"),))
        assert identity(twice) is not None

    def test_an_operation_too_many_is_not_asked_for(self):
        assert identity((operation("number_sort", ""), operation("total"))) is None

    def test_held_out_pairs_are_some_of_all(self):
        share = sum(held_out(one, other) for one in KINDS for other in KINDS) / len(KINDS) ** 2
        assert 0.06 < share < 0.1


class TestMutants:
    def test_faults_are_small_and_undone(self):
        code = "def f(xs):\n    r = 0\n    for x in xs:\n        if x > 3:\n            r += x * 2\n    return r\n"
        functions = list(compiled_mutants(code))
        assert len(functions) > 8
        wanted = compile_function(code)([1, 3, 5, 8])
        assert sum(mutant([1, 3, 5, 8]) != wanted for mutant in functions) > 6

    def test_endless_loops_and_recursions_are_stopped(self):
        loop = "def f(n):\n    r = 0\n    while n > 0:\n        n -= 1\n        r += 1\n    return r\n"
        assert None in [mutant(5) for mutant in compiled_mutants(loop)]
        recursion = "def f(n):\n    return 1 + f(n - 1) if n > 0 else 0\n"
        assert None in [mutant(5) for mutant in compiled_mutants(recursion)]


class TestRecord:
    RECORD = CodeRecord("a/0", "def f(n):\n", "    return n\n", "def check(candidate): ...\n", "f", 1, "integers", "0" * 16, ("holds",))

    def test_round_trip(self):
        assert CodeRecord.from_json(json.loads(json.dumps(self.RECORD.to_json()))) == self.RECORD

    def test_humaneval_rows_have_fewer_fields(self):
        row = {field: self.RECORD.to_json()[field] for field in ("task_id", "prompt", "canonical_solution", "test", "entry_point")}
        record = CodeRecord.from_json(row)
        assert (record.depth, record.operations) == (0, ())

    def test_absent_field(self):
        with pytest.raises(UserError, match="entry_point=None in the record 'a/0'"):
            CodeRecord.from_json({**self.RECORD.to_json(), "entry_point": None})

    def test_canonical_style_is_the_default(self):
        assert Style() == CANONICAL


def test_the_documentation_lists_every_kind():
    text = (Path(__file__).parents[5] / "docs" / "code.md").read_text()
    assert f"{len(KINDS)} kinds of operation" in text
    assert [each.name for each in KINDS if f"`{each.name}`" not in text] == []
