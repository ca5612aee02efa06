"""Completions over HTTP: what a run of code writes alone, whole or as a stream, with stop sequences and limits, side by side."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

import served
from hrmlab.serving.limits import Limits

LIMITS = Limits(new_tokens=24, texts=3)
PROMPT = "def add(a: int, b: int) -> int:\n"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("texts")
    catalogue = served.catalogue_of(root, [served.code()], LIMITS)
    name = next(iter(catalogue)).name
    with served.serving(catalogue, root, limits=LIMITS) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield SimpleNamespace(client=client, name=name, opened=next(iter(catalogue)).opened)


def ask(up: Any, **words: Any) -> httpx.Response:
    return up.client.post("/v1/completions", json={"model": up.name, "prompt": PROMPT, "max_tokens": 12, **words})


@pytest.mark.slow
def test_a_text_is_the_one_that_the_run_writes_alone(up: Any) -> None:
    prompts = [PROMPT, "def f(x):", "import math\n"]
    said = [ask(up, prompt=prompt).json() for prompt in prompts]
    for prompt, answer in zip(prompts, said, strict=True):
        assert answer["choices"][0]["text"] == up.opened.write(prompt, max_new_tokens=12)
        assert answer["object"] == "text_completion"
        assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    # Side by side each is written as alone but for the rounding of a larger product, which an untrained model's close scores may feel.
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda prompt: ask(up, prompt=prompt), prompts))
    assert [answer.status_code for answer in together] == [200] * 3
    assert [choice["index"] for choice in ask(up, prompt=prompts[:2]).json()["choices"]] == [0, 1]


def test_a_stream_is_the_text_in_pieces(up: Any) -> None:
    whole = ask(up).json()["choices"][0]
    lines = [line.removeprefix("data: ") for line in ask(up, stream=True).text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    chunks = [json.loads(line)["choices"][0] for line in lines]
    assert len(chunks) > 2
    assert "".join(chunk["text"] for chunk in chunks) == whole["text"]
    assert [chunk["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + [whole["finish_reason"]]


def test_draws_repeat_by_their_seed_and_stop_sequences_are_left_out(up: Any) -> None:
    drawn = [ask(up, temperature=1.0, seed=seed, n=2).json()["choices"] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0]["text"] != drawn[0][1]["text"]
    text = drawn[0][0]["text"]
    stop = text[3:5]
    cut = ask(up, temperature=1.0, seed=1, n=2, stop=stop).json()["choices"][0]
    assert (cut["text"], cut["finish_reason"]) == (text[: text.find(stop)], "stop")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"max_tokens": 25}, "max_tokens=25 is above 24"),
        ({"n": 4}, "more than 3 texts"),
        ({"prompt": ""}, "prompt"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"logit_bias": {}}, "logit_bias"),
    ],
)
def test_what_is_not_written_is_said(up: Any, words: dict[str, Any], said: str) -> None:
    answer = ask(up, **words)
    assert answer.status_code == 422
    assert said in answer.json()["error"]["message"]
    assert up.client.post("/v1/solve", json={"model": up.name, "puzzle": "x"}).status_code == 422
