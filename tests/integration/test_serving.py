"""hrm-serve's API over a real socket: answers are those of the run alone, limits hold, and nothing that was accepted is lost."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest

import served
from hrmlab.evaluation.engine import Thought
from hrmlab.serving.application import Access
from hrmlab.serving.catalogue import Catalogue
from hrmlab.serving.limits import Limits

PUZZLE = "12.4.41..14.4.21"
LIMITS = Limits(slots=4, waiting=8, body_seconds=1, body_bytes=4096, segments=6, new_tokens=32, texts=3)
SUDOKU, TRANSFORMER, MAZE = "sudoku_4x4/hrm", "sudoku_4x4/transformer", "maze_5x5/hrm"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("served")
    (root / "reports" / "quick").mkdir(parents=True)
    (root / "reports" / "quick" / "results.csv").write_text("task,arm,seed,test/exact_accuracy\nt,hrm,0,0.5\nt,hrm,1,nan\n")
    (root / "reports" / "quick" / "report.html").write_text("<!doctype html><title>quick</title>")
    catalogue = served.catalogue_of(root, [served.sudoku(), served.maze()], LIMITS)
    with served.serving(catalogue, root, limits=LIMITS) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield SimpleNamespace(catalogue=catalogue, url=url, client=client, root=root)


def opened(up: Any, name: str) -> Any:
    found = up.catalogue.get(name)
    assert found is not None
    return found.opened


def test_models_say_what_is_asked_of_them(up: Any) -> None:
    models = up.client.get("/v1/models").json()["data"]
    assert [model["id"] for model in models] == [SUDOKU, TRANSFORMER, MAZE, "maze_5x5/transformer"]
    about = models[0]["about"]
    assert (about["kind"], about["role"], about["grid"], about["segments"]) == ("puzzle", "subject", [4, 4], 4)
    assert about["board"]["boxes"] == [2, 2]
    assert [symbol for symbol, _ in about["board"]["symbols"]] == [".", "1", "2", "3", "4"]  # in order: an object of a browser has none
    assert models[2]["about"]["board"]["once"] == ["S", "G"]
    assert up.client.get(f"/v1/models/{SUDOKU}").json() == models[0]
    assert up.client.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize("name", [SUDOKU, TRANSFORMER, MAZE])
def test_answers_are_those_of_the_run_alone_however_many_ask(up: Any, name: str) -> None:
    run = opened(up, name)
    inputs = run.task.load(progress=False).test.inputs

    def ask(row: np.ndarray) -> dict[str, Any]:
        while (answer := up.client.post("/v1/solve", json={"model": name, "puzzle": row.tolist()})).status_code == 429:
            time.sleep(0.02)
        assert answer.status_code == 200, answer.text
        return answer.json()

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(ask, inputs))
    for row, answer in zip(inputs, said, strict=True):
        alone = run.solve(row, stop="halting")
        assert (answer["tokens"], answer["segments"]) == (run.task.completed(row, alone.tokens).tolist(), alone.halting_segment)
        assert (answer["text"], answer["right"]) == (alone.text, alone.right)
        assert [thought["tokens"] for thought in answer["thoughts"]] == alone.answers.tolist()
        assert [thought["stops"] for thought in answer["thoughts"]] == [False] * (len(alone.answers) - 1) + [True]


def events(answer: httpx.Response) -> list[tuple[str, Any]]:
    parts = [part.split("\n") for part in answer.text.strip().split("\n\n")]
    return [(lines[0].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))) for lines in parts]


def test_a_stream_shows_every_segment_with_its_changes_and_then_the_answer(up: Any) -> None:
    asked = {"model": SUDOKU, "puzzle": PUZZLE, "stop": "segments", "stream": True, "segments": 6}
    answer = up.client.post("/v1/solve", json=asked)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *thoughts, (last, found) = events(answer)
    run = opened(up, SUDOKU)
    alone = run.solve(PUZZLE, segments=6)
    assert [name for name, _ in thoughts] == ["segment"] * 6
    assert last == "answer"
    assert [data["tokens"] for _, data in thoughts] == alone.answers.tolist()
    assert (found["tokens"], found["segments"]) == (alone.tokens.tolist(), alone.halting_segment)
    assert sum(data["stops"] for _, data in thoughts) == 1
    traced = run.trace(PUZZLE, segments=6, attention=())
    before = run.encode(PUZZLE)
    for (_, data), segment in zip(thoughts, traced.segments, strict=True):
        assert data["q_halt"] == pytest.approx(float(segment.q_halt), abs=1e-4)
        assert data["confidence"] == pytest.approx(float(segment.probabilities.mean()), abs=1e-4)
        assert data["changed"] == np.flatnonzero(np.array(data["tokens"]) != before).tolist()
        before = np.array(data["tokens"])


def test_looking_inside_gives_what_a_trace_gives(up: Any) -> None:
    asked = {"model": SUDOKU, "puzzle": PUZZLE, "cell": 3}
    with ThreadPoolExecutor(4) as pool:  # others in the slots meanwhile are not seen
        others = [pool.submit(up.client.post, "/v1/solve", json={"model": SUDOKU, "puzzle": "1.3..41..14.4..1"}) for _ in range(3)]
        answer = up.client.post("/v1/trace", json=asked)
    assert all(other.result().status_code == 200 for other in others)
    trace = opened(up, SUDOKU).trace(PUZZLE, attention=(1, 2, 3, 4))
    for said, segment in zip(answer.json()["segments"], trace.segments, strict=True):
        assert {name: movement["norm"] for name, movement in said["states"].items()} == pytest.approx(
            {name: movement.norm for name, movement in segment.carry.items()}, rel=1e-4
        )
        for one, cycle in zip(said["cycles"], segment.cycles, strict=True):
            weights = cycle.attention[0][0, trace.prefix_length + 3, trace.prefix_length :]
            np.testing.assert_allclose(one["looks"][0], weights, atol=2e-5)
    assert up.client.post("/v1/trace", json={**asked, "cell": 16}).status_code == 422


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "nix", "puzzle": PUZZLE}, 404, "no model 'nix'"),
        ({"model": SUDOKU, "puzzle": "12"}, 422, "2 characters instead of the 16"),
        ({"model": SUDOKU, "puzzle": "/etc/passwd"}, 422, "characters"),
        ({"model": SUDOKU, "puzzle": [7] * 16}, 422, "token ids of sudoku_4x4 are 0 to 5"),
        ({"model": SUDOKU, "puzzle": [[1, 2], [3]]}, 422, "shape (3,)"),
        ({"model": SUDOKU, "puzzle": [1.5] * 16}, 422, "puzzle"),
        ({"model": SUDOKU, "puzzle": {"a": 1}}, 422, "puzzle"),
        ({"model": SUDOKU, "puzzle": PUZZLE, "segments": 7}, 422, "segments=7 is above 6"),
        ({"model": SUDOKU, "puzzle": PUZZLE, "segments": 0}, 422, "segments"),
        ({"model": SUDOKU, "puzzle": PUZZLE, "puzzle_id": 1}, 422, "puzzle_id=1"),
        ({"model": SUDOKU, "puzzle": PUZZLE, "segmnets": 1}, 422, "segmnets"),
        ({"model": MAZE, "puzzle": " " * 25}, 422, "cells S"),
        ({"model": [], "puzzle": PUZZLE}, 422, "model"),
    ],
)
def test_what_is_no_question_is_said_in_a_sentence(up: Any, body: Any, status: int, words: str) -> None:
    answer = up.client.post("/v1/solve", json=body)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b'{"model": "sudoku_4x4/hrm", "puzzle": NaN}', 422),
        (b'{"model": "sudoku_4x4/hrm", "puzzle": [1e999]}', 422),
        (b"[" * 4000, 400),
        (b'{"a":' * 700, 400),
        (b"\xff\xfe\x00", 400),
        (b'{"model": "sudoku_4x4/hrm", "puzzle": "\\ud800"}', 422),
        (b" " * 5000, 413),
    ],
)
def test_hostile_bodies_are_refused_and_the_server_goes_on(up: Any, content: bytes, status: int) -> None:
    for path in ("/v1/solve", "/v1/trace", "/v1/completions"):
        answer = up.client.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["message"]
    assert up.client.get("/health").status_code == 200


def raw(up: Any, *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back for bytes that are sent with pauses between them."""
    host, _, port = up.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        said = b""
        while chunk := connection.recv(65536):
            said += chunk
        return said


@pytest.mark.slow
def test_a_body_that_is_longer_than_it_says_or_never_comes_is_cut_off(up: Any) -> None:
    head = b"POST /v1/solve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    assert b" 413 " in raw(up, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 5)
    assert b" 408 " in raw(up, head + b"Content-Length: 100\r\n\r\n{")  # body_seconds=1
    started = time.monotonic()
    assert raw(up, b"POST /v1/solve HTTP/1.1\r\nHost: loc") == b""  # a head that never ends
    assert time.monotonic() - started < 5
    assert b" 400 " in raw(up, b"nonsense\r\n\r\n")


def test_a_full_queue_is_answered_at_once_and_those_who_wait_get_their_answers(up: Any) -> None:
    engine = up.catalogue.get(SUDOKU).engine
    gate, entered = threading.Event(), threading.Event()

    def hold(_: Thought) -> None:
        entered.set()
        gate.wait(10)

    row = opened(up, SUDOKU).encode(PUZZLE)
    held = engine.submit(row, watch=hold, segments=1)
    assert entered.wait(10)
    waiting = [engine.submit(row, timeout=0) for _ in range(LIMITS.waiting)]
    answer = up.client.post("/v1/solve", json={"model": SUDOKU, "puzzle": PUZZLE})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert f'hrmlab_waiting{{model="{SUDOKU}"}} {LIMITS.waiting}.0' in up.client.get("/metrics").text
    gate.set()
    assert all(one.result(10) for one in [held, *waiting])
    assert up.client.post("/v1/solve", json={"model": SUDOKU, "puzzle": PUZZLE}).status_code == 200


@pytest.mark.slow
def test_what_takes_too_long_and_what_is_too_much_at_a_time_is_refused(up: Any, tmp_path: Path) -> None:
    limits = Limits(slots=4, request_seconds=2, connections=2)
    catalogue = Catalogue([opened(up, SUDOKU)], roles=[""], limits=limits)
    catalogue.start()
    gate = threading.Event()
    with ThreadPoolExecutor(2) as pool, served.serving(catalogue, tmp_path, limits=limits) as url:
        held = catalogue.get("sudoku_4x4/hrm").engine.between(lambda: gate.wait(10))  # type: ignore[union-attr]
        asked = [pool.submit(httpx.post, f"{url}/v1/{path}", json={"model": SUDOKU, "puzzle": PUZZLE}) for path in ("solve", "trace")]
        while json.loads(httpx.get(f"{url}/health").text)["waiting"] < 2:
            time.sleep(0.01)
        refused = httpx.get(f"{url}/v1/models")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "2 requests are being answered" in refused.json()["error"]["message"]
        assert httpx.get(f"{url}/health").status_code == 200
        late = [one.result() for one in asked]
        assert [(one.status_code, one.headers["retry-after"]) for one in late] == [(503, "5")] * 2
        assert all("within 2 s" in one.json()["error"]["message"] for one in late)
        gate.set()
        assert held.result(10)
        assert httpx.post(f"{url}/v1/solve", json={"model": SUDOKU, "puzzle": PUZZLE}).status_code == 200


def test_examples_can_be_picked_and_studies_read(up: Any) -> None:
    found = up.client.get("/v1/examples", params={"model": MAZE, "start": 22, "count": 5}).json()
    test = opened(up, MAZE).task.load(progress=False).test
    assert (found["count"], [example["number"] for example in found["data"]]) == (24, [22, 23])
    assert found["data"][0]["tokens"] == test.inputs[22].tolist()
    assert found["data"][0]["answer"] == "".join(found["data"][0]["answer_cells"])
    studies = up.client.get("/v1/studies").json()["data"]
    assert [(study["name"], study["source"]) for study in studies] == [("quick", "reports"), ("served", "outputs")]
    table = up.client.get("/v1/studies/reports/quick").json()
    assert [column["name"] for column in table["columns"]] == ["task", "arm", "seed", "exact accuracy"]
    assert table["rows"] == [["t", "hrm", 0.0, 0.5], ["t", "hrm", 1.0, None]]
    assert len(up.client.get("/v1/studies/outputs/served").json()["rows"]) == 4
    assert "sandbox" in up.client.get("/reports/quick/report.html").headers["content-security-policy"]
    for path in (
        "/v1/studies/outputs/%2e%2e%2f",
        "/reports/..%2f..%2fetc/report.html",
        "/page/..%2f..%2fapplication.py",
    ):
        assert up.client.get(path).status_code in (404, 405), path


def test_metrics_count_what_was_answered(up: Any) -> None:
    def counted() -> float:
        lines = up.client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f'hrmlab_answers_total{{model="{TRANSFORMER}"}}'))

    before = counted()
    up.client.post("/v1/solve", json={"model": TRANSFORMER, "puzzle": PUZZLE})
    assert counted() == before + 1


def test_who_may_call(up: Any, tmp_path: Path) -> None:
    assert (
        up.client.options("/v1/solve", headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}).status_code == 405
    )
    answer = up.client.get("/v1/models", headers={"Origin": "https://a.example"})
    assert "access-control-allow-origin" not in answer.headers
    catalogue = Catalogue([opened(up, SUDOKU)], roles=[""], limits=LIMITS)
    catalogue.start()
    access = Access(key="secret", origins=["https://a.example"], hosts=["127.0.0.1"])
    with served.serving(catalogue, tmp_path, limits=LIMITS, access=access) as url, httpx.Client(base_url=url) as client:
        assert client.get("/").status_code == client.get("/health").status_code == client.get("/page/main.js").status_code == 200
        for headers in ([], [(b"Authorization", b"Bearer wrong")], [(b"Authorization", "Bearer sécret".encode())]):
            refused = client.get("/v1/models", headers=headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        known = {"Authorization": "Bearer secret"}
        assert client.get("/v1/models", headers=known).status_code == 200
        assert client.get("/v1/models", headers={**known, "Host": "evil.example"}).status_code == 400
        allowed = client.get("/v1/models", headers={**known, "Origin": "https://a.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://a.example"


def test_what_was_accepted_before_the_end_is_answered(up: Any, tmp_path: Path) -> None:
    catalogue = Catalogue([opened(up, SUDOKU)], roles=[""], limits=LIMITS)
    catalogue.start()
    with ThreadPoolExecutor(6) as pool, served.serving(catalogue, tmp_path, limits=LIMITS) as url:
        engine = catalogue.get("sudoku_4x4/hrm").engine  # type: ignore[union-attr]
        gate = threading.Event()
        engine.between(lambda: gate.wait(10))  # type: ignore[union-attr]
        asked = [pool.submit(httpx.post, f"{url}/v1/solve", json={"model": SUDOKU, "puzzle": PUZZLE}, timeout=30) for _ in range(6)]
        while engine.waiting < 6:  # type: ignore[union-attr]
            time.sleep(0.01)
        threading.Timer(0.5, gate.set).start()
    assert [one.result().status_code for one in asked] == [200] * 6
    assert not engine.alive  # type: ignore[union-attr]
