"""Planted overlaps of every kind are found, and clean text is called clean."""

import json
import time

import pytest

from hrmlab.data.code.overlap import KINDS, NGRAM_TOKENS, contamination
from hrmlab.data.written.record import CodeRecord

WORDS = [f"word{letter}" for letter in "abcdefghijklmnop"]


def record(task_id: str, prompt: str, solution: str, entry_point: str = "f") -> CodeRecord:
    return CodeRecord(task_id, prompt, solution, "", entry_point, 0, "test", "0" * 16, ())


PROBLEM = record(
    "problem",
    'def total(numbers, start):\n    """Add all numbers that are even and larger than the start, each of them taken once only."""\n',
    "    result = start\n    for number in numbers:\n        if number % 2 == 0 and number > start:\n"
    "            result += number\n    return result\n",
    "total",
)
CLEAN = record("clean", 'def shout(text):\n    """In capitals."""\n', "    return text.upper() + '!'\n", "shout")
OTHER = record("other", 'def first(items):\n    """The first."""\n', "    return items[0]\n", "first")


def hits(training: list[CodeRecord], problem: CodeRecord = PROBLEM, **options) -> tuple[dict[str, int], bool]:
    found = contamination([CLEAN, *training], {"set": [OTHER, problem]}, **options)
    return {kind: count for kind, count in found.sets["set"].hits.items() if count}, found.leaks


def test_clean_text_is_clean():
    found = contamination([CLEAN], {"set": [PROBLEM, OTHER]})
    assert not found.leaks
    assert found.sets["set"].hits == dict.fromkeys(KINDS, 0)
    assert found.leaking == ()
    assert found.findings() == ["set: none of its 2 problems was found in the 1 training records."]


def test_a_copy_is_found_by_every_comparison():
    assert hits([PROBLEM]) == (dict.fromkeys(KINDS, 1), True)


def test_a_copy_with_all_names_changed_is_found_by_its_tree_alone():
    copy = record(
        "copy",
        "def g(a, b):\n    'Nothing in common.'\n",
        "    # with a remark\n    c = b\n    for d in a:\n        if (d % 2 == 0\n                and d > b):\n"
        "            c += d\n    return c\n",
        "g",
    )
    assert hits([copy]) == ({"ast": 1}, True)
    other = copy._replace(canonical_solution=copy.canonical_solution.replace("d > b", "d >= b"))
    assert hits([other]) == ({}, False)


def test_a_copy_is_found_among_other_functions_of_a_record():
    hidden = record(
        "hidden",
        "import os\n\n\ndef other():\n    return os.name\n\n\n",
        "def g(a, b):\n    c = b\n    for d in a:\n        if d % 2 == 0 and d > b:\n            c += d\n    return c\n",
    )
    assert hits([hidden])[0] == {"ast": 1}


def test_thirteen_words_of_a_prompt_count_and_twelve_do_not():
    problem = record("words", f'def f():\n    """{" ".join(WORDS)}"""\n', "    return 1\n")
    for length, expected in ((NGRAM_TOKENS, {"ngram_prompt": 1}), (NGRAM_TOKENS - 1, {})):
        text = ", ".join(WORDS[1 : 1 + length]).upper()  # neither case nor punctuation counts
        assert hits([record("training", f"# {text}\n", "x = 3\n")], problem) == (expected, False)


def test_tokens_of_a_solution_in_other_surroundings_are_a_leak():
    piece = "        if number % 2 == 0 and number > start:\n            result += 5\n"
    training = record("piece", "def g(q):\n    while q:\n", piece, "g")
    found, leaks = hits([training])
    assert (found, leaks) == ({"ngram_solution": 1}, True)
    assert hits([training], templated=["set"]) == ({"ngram_solution": 1}, False)


def test_one_grammar_explains_ngrams_but_no_copies():
    found, leaks = hits([PROBLEM], templated=["set"])
    assert leaks
    assert found["exact_whole"] == 1


@pytest.mark.parametrize("part", ["prompt", "canonical_solution"])
def test_short_texts_are_compared_as_a_whole(part):
    short = record("short", 'def g(value):\n    """Double."""\n', "    return value * 2\n", "g")
    training = CLEAN._replace(**{part: "\n  ".join(getattr(short, part).split(" ")) + " "})
    found = contamination([training], {"set": [short]})
    assert found.sets["set"].short == {"prompt": 1, "solution": 1}
    assert {kind for kind, count in found.sets["set"].hits.items() if count} == {f"exact_{part.removeprefix('canonical_')}"}
    assert found.leaks


def test_an_ngram_that_many_problems_share_counts_for_all_of_them():
    template = " ".join(WORDS[:NGRAM_TOKENS])
    problems = [
        record(str(number), f'def f{number}():\n    """{template} number {number}"""\n', f"    return {number}\n") for number in range(20)
    ]
    found = contamination([record("training", f"# {template}\n", "x = 99\n")], {"set": problems}, examples=2).sets["set"]
    assert found.hits["ngram_prompt"] == 20
    assert found.training_hits["ngram_prompt"] == 1
    assert found.shared_ngrams == 1
    assert len(found.examples) == 2


@pytest.mark.slow
def test_a_template_in_every_record_and_problem_does_not_multiply_the_work():
    """2,000 x 5,000 pairs that share some 20 n-grams each would take minutes if they were visited."""
    template = " ".join(f"word{number}" for number in range(30))
    problems = [record(f"e{n}", f'def f():\n    """{template} e{n}"""\n', f"    return {n}\n") for n in range(2000)]
    training = [record(f"t{n}", f'def f():\n    """{template} t{n}"""\n', f"    return -{n} - 1\n") for n in range(5000)]
    started = time.process_time()
    found = contamination(training, {"set": problems}, templated=["set"])
    assert time.process_time() - started < 20
    assert not found.leaks
    assert found.sets["set"].hits["ngram_prompt"] == 2000
    assert found.sets["set"].training_hits["ngram_prompt"] == 5000


def test_without_the_leaking_records_nothing_leaks():
    training = [CLEAN, PROBLEM, OTHER, CLEAN]
    found = contamination(
        iter(training), {"set": [PROBLEM], "free": [CLEAN._replace(canonical_solution="    return text\n", prompt="def g(text):\n")]}
    )
    assert found.leaking == (1,)
    rest = [each for position, each in enumerate(training) if position not in found.leaking]
    assert not contamination(rest, {"set": [PROBLEM]}).leaks


def test_text_that_is_no_python_is_counted_and_still_compared():
    found = contamination([record("prose", PROBLEM.prompt, "is not a program ?\n")], {"set": [PROBLEM]})
    assert found.unparsed == 1
    assert found.sets["set"].hits["exact_prompt"] == 1


def test_the_report_is_json_with_sentences_and_examples():
    found = contamination([CLEAN, PROBLEM], {"set": [PROBLEM], "clean": [OTHER]})
    report = json.loads(json.dumps(found.to_dict()))
    assert report["leaks"] is True
    assert report["sets"]["clean"]["leaks"] is False
    assert report["sets"]["set"]["examples"][2] == {
        "training": "problem",
        "evaluation": "problem",
        "kind": "ast",
        "excerpt": report["sets"]["set"]["examples"][2]["excerpt"],
    }
    assert report["findings"] == [
        "set: of its 1 problems the 2 training records hold 1 whole program word for word, 1 prompt word for word, "
        "1 solution word for word, 1 program up to names and layout, "
        "1 solution with 13 tokens in a row, 1 prompt with 13 words in a row (a leak).",
        "clean: none of its 1 problems was found in the 2 training records.",
    ]


def test_a_misspelt_templated_set_is_refused():
    with pytest.raises(ValueError, match="templated="):
        contamination([], {"set": [PROBLEM]}, templated=["sett"])
