"""The archive of records: same bytes for same runs, everything checked on reading, restored runs say where they are from."""

import lzma
import tarfile
from pathlib import Path

import pytest

from hrmlab.core.errors import UserError
from hrmlab.runs.archive import NAME, read_archive, refuse_without_checkpoints, write_archive
from hrmlab.runs.directory import RunDirectory, RunLabels

LABELS = [RunLabels(study="s", task="t", arm=arm, size="nano", seed=seed) for arm in ("a", "b") for seed in (0, 1)]


def _runs(root: Path) -> dict[str, dict[str, bytes]]:
    held = {}
    for labels in LABELS:
        run = RunDirectory.create(output_root=root, labels=labels, config={"arm": labels.arm, "seed": labels.seed}, overrides=["model=a"])
        run.write_json("predictions.json", {"left": "out"})
        run.complete({"test": {"exact_accuracy": 0.5}})
        kept = ("COMPLETED", "run.json", "config.yaml", "overrides.yaml", "summary.json")
        held[run.path.relative_to(root / "s").as_posix()] = {name: (run.path / name).read_bytes() for name in kept}
    return held


@pytest.fixture
def held(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    return _runs(tmp_path / "outputs")


def test_same_runs_same_bytes(tmp_path: Path, held: dict[str, dict[str, bytes]]) -> None:
    write_archive(tmp_path / "one" / NAME, study="s", runs=held)
    write_archive(tmp_path / "two" / NAME, study="s", runs=dict(reversed(held.items())))
    assert (tmp_path / "one" / NAME).read_bytes() == (tmp_path / "two" / NAME).read_bytes()
    with tarfile.open(tmp_path / "one" / NAME) as tar:
        assert all((member.mtime, member.uid, member.uname) == (0, 0, "") for member in tar.getmembers())


def test_restored_runs_are_completed_runs_that_say_so(tmp_path: Path, held: dict[str, dict[str, bytes]]) -> None:
    write_archive(tmp_path / NAME, study="s", runs=held, notes=[{"name": "x"}])
    archive = read_archive(tmp_path / NAME)
    assert archive is not None
    assert archive.notes == ({"name": "x"},)
    paths = archive.restore(list(held), output_root=tmp_path / "new")
    assert len(paths) == 4
    assert archive.restore(list(held), output_root=tmp_path / "new") == []
    for path in paths:
        run = RunDirectory.open(path)
        assert run.state == "completed"
        assert run.restored == archive.digest
        assert run.verify() == []
        with pytest.raises(UserError, match=r"put back from an archive .* no checkpoints; train the run again"):
            refuse_without_checkpoints(run)
    (paths[0] / "summary.json").write_text('{"test": {"exact_accuracy": 0.9}}')
    assert RunDirectory.open(paths[0]).verify() == ["summary.json was changed after the run was completed"]


def test_some_runs_alone_are_read(tmp_path: Path, held: dict[str, dict[str, bytes]]) -> None:
    archive = write_archive(tmp_path / NAME, study="s", runs=held)
    name = list(held)[2]
    assert dict(archive.contents([name])) == {name: held[name]}
    assert dict(archive.contents()) == held


@pytest.mark.parametrize("harm", ["torn", "flipped", "no archive", "empty", "changed file", "changed manifest", "lacking", "climbing"])
def test_a_damaged_archive_is_one_sentence(tmp_path: Path, held: dict[str, dict[str, bytes]], harm: str) -> None:
    path = tmp_path / NAME
    write_archive(path, study="s", runs=held)
    content = path.read_bytes()
    if harm == "torn":
        path.write_bytes(content[:-200])
    elif harm == "flipped":
        path.write_bytes(content[:300] + bytes([content[300] ^ 1]) + content[301:])
    elif harm == "no archive":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif harm == "empty":
        path.write_bytes(b"")
    else:
        plain = lzma.decompress(content)
        first = next(iter(held))
        changes = {
            "changed file": (b"0.5", b"0.9"),
            "changed manifest": (b'"study": "s"', b'"study": "z"'),
            "climbing": (first.encode(), b"/".join([b".."] * 4 + [b"x" * (len(first) - 12)])),
        }
        if harm == "lacking":
            path.write_bytes(lzma.compress(_without_last_member(plain, tmp_path)))
        else:
            path.write_bytes(lzma.compress(plain.replace(*changes[harm])))
    with pytest.raises(UserError, match=r"is damaged .*fetch it again") as raised:  # noqa: PT012 - whichever of the two finds it
        archive = read_archive(path)
        assert archive is not None
        archive.restore(list(archive.runs), output_root=tmp_path / "new")
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "new").rglob(".creating-*"))
    assert not (tmp_path / "x").exists()


def _without_last_member(plain: bytes, folder: Path) -> bytes:
    (folder / "plain.tar").write_bytes(plain)
    with tarfile.open(folder / "plain.tar") as tar:
        last = tar.getmembers()[-1]
    return plain[: last.offset] + bytes(1024)


def test_no_archive_is_none(tmp_path: Path) -> None:
    assert read_archive(tmp_path / NAME) is None
