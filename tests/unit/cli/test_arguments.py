"""KEY=VALUE words and the sentences about them."""

import pytest

from hrmlab.cli.arguments import SentenceParser, key_values
from hrmlab.core.errors import UserError


def test_own_keys_are_text_and_sections_are_values() -> None:
    words = ["run=a=b", "trainer.threads=2", "evaluation.path=1", "evaluation.ks=[1,10]"]
    own, changes = key_values(words, keys=("run",), sections={"trainer": ("threads",), "evaluation": None})
    assert own == {"run": "a=b"}
    assert changes == {"trainer": {"threads": 2}, "evaluation": {"path": "1", "ks": [1, 10]}}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["x"], "not KEY=VALUE"),
        (["ru=1"], "did you mean run"),
        (["run=1", "run=2"], "run is given twice"),
        (["data.a=1", "data.a=2"], "data.a is given twice"),
        (["run="], "run= has no value"),
        (["data.a=["], "cannot be read as a value"),
    ],
)
def test_mistakes(words: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        key_values(words, keys=("run",), sections={"data": None})


def test_a_parser_that_answers_in_sentences() -> None:
    with pytest.raises(UserError, match="see cmd --help"):
        SentenceParser("cmd").parse_args(["--unknown"])
