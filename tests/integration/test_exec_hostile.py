"""Programs that cheat, harm or exhaust: none passes that is wrong, none gets out, and the next sample is judged right.

The cases are of the kinds of the shared table (which is tried too, where it is there), but others.
"""

import fcntl
import functools
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import hrmlab
from hrmlab.sandbox import Executor, Sample
from hrmlab.sandbox.inside import confine

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is made of what Linux offers")

SHARED = Path(__file__).parents[3] / "shared" / "data" / "hostile" / "hostile_completions.jsonl"
TABLE = Path(__file__).parent / "hostile"
PROMPT = 'def add(a, b):\n    """Return the sum of a and b."""\n'
TEST = "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-1, 1) == 0\n    assert candidate(10, 20) == 30\n"
GOOD = "    import os\n    assert os.getcwd() == '/' or os.listdir() == []\n    return a + b\n"
BAD = "    return a - b\n"
NOT_PASSED = ("failed", "timed out")
TIERS = ("bwrap+seccomp+landlock", "bwrap", "seccomp+landlock")


class Case(NamedTuple):
    """A completion, what its verdict may begin with, its test, and what its verdict must not contain."""

    name: str
    completion: str
    must: tuple[str, ...] = NOT_PASSED
    test: str = TEST
    leak: str = "LEAKED"


SOURCES = [
    Case("line feeds alone", "    return (a\r + b - 1)\r"),
    Case("form feed", "\f    return a - b\n"),
    Case("encoding", "    return a - b\n# -*- coding: utf-7 -*-\n+AAo-"),
    Case("byte order mark", "\ufeff    return a + b\n"),
    Case("brackets", "    return " + "(" * 5000 + "5" + ")" * 5000 + "\n"),
    Case("long chain", "    return " + "-" * 200000 + "5\n"),
    Case("constant", "    return 9**9**9\n"),
    Case("very long", "    x = 0\n" + "    x = x + 1\n" * 200000 + "    return x\n"),
    Case("broken", "    return a +\n"),
    Case("late future", "    return a + b\nfrom __future__ import annotations\n"),
    Case("escapes the function", "    pass\n\nreturn 5\n"),
    Case("surrogate in a name", "    return a + b\n\ud800 = 1\n"),
    Case("nul in a text", "    return a + b\nx = '\0'\n"),
    Case("no function", "    return a + b\ndel add\n"),
    Case("other function", "    return a + b\nadd = 5\n"),
    Case(
        "surrogate in a result",
        "    return '\\ud800\\udc00'\n",
        test="def check(candidate):\n    assert candidate(1, 2) == '\\U00010000'\n",
    ),
]


def read_cases(path: Path) -> list[Case]:
    """The cases of one kind, from a text file."""
    cases = []
    for part in path.read_text().split("\n=== ")[1:]:
        head, _, body = part.partition("\n")
        name, _, must = head.partition(" | must: ")
        completion, _, test = body.partition("--- test\n")
        cases.append(Case(name, completion.rstrip() + "\n", tuple(must.split(", ")) if must else NOT_PASSED, test or TEST))
    return cases


@pytest.fixture
def canary() -> Iterator[Path]:
    """A folder that anyone may write in, with a file that anyone may delete; the test fails where any of it changes."""
    folder = Path(tempfile.mkdtemp(prefix="hrmlab-canary-"))
    try:
        folder.chmod(0o777)
        precious = folder / "precious"
        precious.write_text("precious")
        precious.chmod(0o666)
        before = precious.stat().st_mtime_ns
        yield folder
        assert [path.name for path in folder.iterdir()] == ["precious"]
        assert precious.read_text() == "precious"
        assert precious.stat().st_mode & 0o777 == 0o666
        assert precious.stat().st_mtime_ns == before
    finally:
        shutil.rmtree(folder)


def judge_between_sentinels(tier: str, cases: list[dict[str, Any]]) -> list[str]:
    """Judge every case with a right and a wrong program after it; what is not as it must be."""
    samples, wrong = [], []
    for case in cases:
        samples += [
            Sample(case.get("prompt", PROMPT), case["completion"], case["test"], "add"),
            Sample(PROMPT, GOOD, TEST, "add"),
            Sample(PROMPT, BAD, TEST, "add"),
        ]
    with Executor(workers=2, timeout=1.5, tier=tier) as executor:
        for index, verdict in executor.judge(samples):
            case, place = cases[index // 3], index % 3
            verdict.result.encode()
            limit = case.get("limit")
            number = int(verdict.result.split(limit[0] + "=")[1].split()[0]) if limit and limit[0] + "=" in verdict.result else 0
            if place == 0:
                right = verdict.result.startswith(tuple(case["must"])) and not (case.get("leak") and case["leak"] in verdict.result)
                right = right and not (limit and number >= limit[1]) and verdict.passed == (verdict.result == "passed")
                right = right and verdict.seconds < 2.5
            else:
                right = verdict.passed == (place == 1)
            if not right:
                wrong.append(
                    f"{tier}: {case['name']}{('', ', right program after it', ', wrong program after it')[place]}: {ascii(verdict)[:300]}"
                )
    return wrong


def own_cases(canary: Path) -> list[dict[str, Any]]:
    cases = [*(case for path in sorted(TABLE.glob("*.txt")) for case in read_cases(path)), *SOURCES]
    return [{**case._asdict(), "completion": case.completion.replace("{canary}", str(canary))} for case in cases]


def shared_cases() -> list[dict[str, Any]]:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is not there: the shared table of hostile completions is not part of this repository")
    with SHARED.open() as file:
        return [json.loads(line) for line in file]


@functools.cache
def bwrap_works() -> bool:
    """Whether bubblewrap is installed and may make namespaces here (inside of some containers it may not)."""
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return shutil.which("bwrap") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


def usable_tiers() -> list[str]:
    landlock = confine.supported() and confine.landlock_version() > 0
    names = ["bwrap+seccomp+landlock", "bwrap"] if bwrap_works() else []
    return names + (["seccomp+landlock"] if landlock else [])


FAST_AND_SLOW = [TIERS[0], *(pytest.param(tier, marks=pytest.mark.slow) for tier in TIERS[1:])]
"""The tier that nearly every machine takes is tried by the fast tests too, the others only where minutes count less."""


@pytest.fixture
def alone() -> Iterator[None]:
    """The shared table aims at one folder and one port, so tests that run side by side take turns."""
    with (Path(tempfile.gettempdir()) / "hrmlab-hostile-table.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.slow
@pytest.mark.parametrize("tier", FAST_AND_SLOW)
def test_own_table(tier: str, canary: Path) -> None:
    if tier not in usable_tiers():
        pytest.skip(f"{tier} is not to be had here: bubblewrap is not installed or may not work, or the kernel has no Landlock or seccomp")
    assert judge_between_sentinels(tier, own_cases(canary)) == []


@pytest.mark.slow
@pytest.mark.parametrize("tier", FAST_AND_SLOW)
@pytest.mark.usefixtures("alone")
def test_shared_table(tier: str, canary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = shared_cases()
    if tier not in usable_tiers():
        pytest.skip(f"{tier} is not to be had here: bubblewrap is not installed or may not work, or the kernel has no Landlock or seccomp")
    monkeypatch.setenv("SBX_SECRET", "hunter2")
    connections: list[Any] = []
    named = Path("/tmp/sbx_canary")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", 39871))
        except OSError:
            pytest.skip("port 127.0.0.1:39871, which the shared table aims at, is taken")
        listener.listen()
        listener.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    connections.append(listener.accept())
                except OSError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        named.mkdir(exist_ok=True)
        try:
            named.chmod(0o777)
            (named / "precious").write_text("x")
            wrong = judge_between_sentinels(tier, cases)
            assert [path.name for path in named.iterdir()] == ["precious"]
        finally:
            over.set()
            thread.join()
            shutil.rmtree(named)
    assert wrong == []
    assert connections == []
    assert not Path("/tmp/sbx_poison").exists()
    assert "sbx_hostiled" not in process_names()


def process_names() -> list[str]:
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.append(path.read_text().strip())
        except OSError:
            continue
    return names


def python_for_anybody() -> str | None:
    """A Python 3.11 or newer that the user nobody can start, with what the executor needs."""
    base = str(getattr(sys, "_base_executable", sys.executable))
    for python in (base, *(f"/usr/bin/python3{minor}" for minor in ("", ".14", ".13", ".12", ".11"))):
        command = [python, "-I", "-c", "import sys, ctypes; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(command, user=65534, group=65534, extra_groups=[], capture_output=True, cwd="/", check=False).returncode == 0:
                return python
        except OSError:
            continue
    return None


RUNNER = f"""\
import json, sys
from typing import Any
sys.path[:0] = [sys.argv[1]]
from hrmlab.sandbox import Executor, Sample
PROMPT, TEST, GOOD, BAD = {(PROMPT, TEST, GOOD, BAD)!r}
{inspect.getsource(judge_between_sentinels)}
print(json.dumps(judge_between_sentinels(sys.argv[2], json.load(sys.stdin))))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("tier", "table"), [(tier, table) for tier in TIERS for table in ("own", "shared")])
def test_as_an_unprivileged_user(tier: str, table: str, canary: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests have just run without privileges")
    cases = own_cases(canary) if table == "own" else shared_cases()
    python = python_for_anybody()
    if python is None or tier not in usable_tiers():
        pytest.skip("no Python 3.11 that the user nobody can start, or no such tier on this machine")
    place = Path(tempfile.mkdtemp(prefix="hrmlab-nobody-"))
    try:
        place.chmod(0o755)
        package = Path(hrmlab.__file__).parent
        for part in ("core", "sandbox"):
            shutil.copytree(package / part, place / "hrmlab" / part, ignore=shutil.ignore_patterns("__pycache__"))
        (place / "hrmlab" / "__init__.py").touch()
        subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
        command = [python, "-I", "-B", "-c", RUNNER, str(place), tier]
        done = subprocess.run(
            command, input=json.dumps(cases), text=True, capture_output=True, cwd="/", check=False, user=65534, group=65534, extra_groups=[]
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == []
    finally:
        shutil.rmtree(place)
