"""What code tasks hand over: splits, written problems, measures, facts; and what they keep on disk."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrmlab.core.components import call
from hrmlab.core.errors import UserError
from hrmlab.core.measures import counting
from hrmlab.core.task import IGNORED_LABEL
from hrmlab.data.code.coinciding import packaged_sets
from hrmlab.data.code.library.task import PythonFunctionsTask
from hrmlab.data.code.overlap import contamination
from hrmlab.data.code.synthetic.task import SyntheticCodeTask

SMALL: dict[str, Any] = {
    "train_examples": 400,
    "validation_examples": 8,
    "test_examples": 8,
    "max_depth": 2,
    "deeper": 1,
    "styles": "one",
    "paraphrases": 1,
    "families": ["integers", "strings", "lists"],
}


@pytest.mark.slow
def test_loading_leaves_the_records_as_they_were_made_and_hands_over_what_fits() -> None:
    task = call(SyntheticCodeTask, **SMALL, sequence_length=96, max_bytes=200)
    made = {split: list(records) for split, records in task.records().items()}
    before = task.written()
    splits = task.load(progress=False)
    assert task.records() == made
    assert before == task.written()
    fitting = {split: [record for record in records if len(_bytes(record)) <= 94] for split, records in made.items()}
    assert splits.dropped == {split: len(made[split]) - len(fitting[split]) for split in made if len(fitting[split]) < len(made[split])}
    assert splits.dropped["train"] > 0
    assert list(before.training) == fitting["train"]
    assert dict(before.tests) == {split: fitting[split] for split in made if split.startswith("test") and fitting[split]}
    assert next(iter(before.tests)) == "test_iid"
    assert set(before.templated) == set(before.tests)
    assert len(splits.test) == len(before.tests["test_iid"])
    assert [len(part) for part in splits.other_tests.values()] == [len(records) for records in list(before.tests.values())[1:]]


def _bytes(record: Any) -> bytes:
    return (record.prompt + record.canonical_solution).encode()


@pytest.mark.slow
def test_records_and_tokenizer_are_kept_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HRMLAB_CACHE", str(tmp_path))
    task = call(SyntheticCodeTask, **SMALL, tokenizer="bpe", vocabulary_size=300)
    one = task.load(progress=False)
    (records,) = tmp_path.glob("code_syntheticcodetask-*.jsonl.gz")
    (tokenizer,) = tmp_path.glob("code_bpe-*.json.gz")
    assert b'"task_id": "synthetic/train/0"' in gzip.decompress(records.read_bytes())
    assert b'"merges"' in gzip.decompress(tokenizer.read_bytes())
    monkeypatch.setattr(SyntheticCodeTask, "make_records", lambda *_, **__: pytest.fail("made again"))
    again = call(SyntheticCodeTask, **SMALL, tokenizer="bpe", vocabulary_size=300)
    assert again.records() == task.records()
    other = again.load(progress=False)
    for name, part in one.sets().items():
        assert part.content_hash() == other.sets()[name].content_hash()


@pytest.mark.slow
def test_what_humaneval_asks_for_is_left_out_of_training_unless_told() -> None:
    clean, whole = call(SyntheticCodeTask, **SMALL), call(SyntheticCodeTask, **SMALL, leave_out="nothing")
    kept, drawn = clean.records(), whole.records()
    leaking = contamination(drawn["train"], packaged_sets()).leaking
    assert leaking
    assert kept["train"] == [record for number, record in enumerate(drawn["train"]) if number not in leaking]
    assert {split: kept[split] for split in kept if split != "train"} == {split: drawn[split] for split in drawn if split != "train"}
    assert not contamination(kept["train"], packaged_sets()).leaks
    assert clean.facts()["left_out"] == {"humaneval": len(leaking)}
    assert "left_out" not in whole.facts()


def test_measures_are_declared_by_what_can_be_found_out() -> None:
    def declared(task: Any) -> list[str]:
        return [measure.name for measure in task.measures]

    given = ["exact_accuracy", "cell_accuracy", "bits_per_byte"]
    written = call(SyntheticCodeTask, **SMALL)
    assert declared(written) == ["pass_at_1", *given]
    assert counting(written.measures, {"pass_at_1": 0.0, "exact_accuracy": 0.5}).column == "passed"
    assert counting(written.measures, {"exact_accuracy": 0.5}).wording == "exact accuracy under given tokens"
    assert not next(measure for measure in written.measures if measure.name == "bits_per_byte").larger_is_better
    assert declared(call(SyntheticCodeTask, **SMALL, attention="full")) == given
    assert declared(PythonFunctionsTask()) == given
    assert (written.words.example, written.words.rating) == ("problem", "depth")


def test_the_published_protocol_says_why_its_splits_share_examples() -> None:
    task = call(SyntheticCodeTask, protocol="published", sequence_length=128)
    assert "published protocol" in task.load(progress=False).shared_on_purpose
    assert list(task.written().tests) == ["test_iid"]
    assert task.written().templated == ()
    assert "left_out" not in task.facts()
    assert call(SyntheticCodeTask, **SMALL).load(progress=False).shared_on_purpose == ""


def test_next_token_accuracy_counts_where_it_is_asked_for() -> None:
    task = call(SyntheticCodeTask, **SMALL, counts="token_accuracy")
    assert [measure.name for measure in task.measures if measure.counts] == ["row_token_accuracy"]
    test = task.load(progress=False).test
    asked = test.labels != IGNORED_LABEL
    answers = np.where(asked, test.labels, 0)
    first = int(np.flatnonzero(asked[0])[0])
    answers[0, first] += 1
    scores = task.score(test.inputs, test.labels, answers)["row_token_accuracy"]
    assert scores[0] == 1 - 1 / asked[0].sum()
    assert (scores[1:] == 1).all()
    assert call(SyntheticCodeTask, **SMALL).score(test.inputs, test.labels, answers) == {}
    with pytest.raises(UserError, match=r"data\.counts=pass_at_1 needs programs that are run"):
        call(PythonFunctionsTask, counts="pass_at_1")


def test_rows_show_as_text() -> None:
    task = call(SyntheticCodeTask, **SMALL, asked="everything")
    splits = task.load(progress=False)
    record = task.written().tests["test_iid"][0]
    assert task.to_text(splits.test.inputs[0]) == record.prompt + record.canonical_solution
    assert np.isfinite(splits.test.ratings).all()


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.train_examples=0 leaves the train set empty"):
        SyntheticCodeTask(train_examples=0)
    with pytest.raises(UserError, match=r"data\.train_examples=0 leaves the train set empty"):
        PythonFunctionsTask(train_examples=0)
    with pytest.raises(UserError, match=r"data\.sequence_length=1000000 .* at most 16384"):
        call(PythonFunctionsTask, sequence_length=1_000_000)
