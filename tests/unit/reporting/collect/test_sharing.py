"""Equal parts are kept once, and what differs in anything, the kind of a number included, is not taken for equal."""

import json
from pathlib import Path

from hrmlab.reporting.collect.gather import collect
from hrmlab.reporting.collect.sharing import Shared
from run_factory import make_run


def test_equal_parts_are_one_object_and_nothing_changes() -> None:
    once = Shared()
    values = [{"a": {"x": [1, {"y": "text"}]}, "b": number} for number in (1, 1.0, True, None, -0.0, 0.0, 1)]
    texts = [json.dumps(value) for value in values]
    shared = [once(value) for value in values]
    assert [json.dumps(value) for value in shared] == texts
    assert len({id(value["a"]) for value in shared}) == 1
    assert len({id(value) for value in shared}) == 6
    assert list(once({"b": 1, "a": 2})) == ["b", "a"]
    assert list(once({"a": 2, "b": 1})) == ["a", "b"]


def test_records_of_a_study_share_what_they_have_in_common(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path, seed=seed, examples=10, rows=2)
    runs = collect(study="quick", output_root=tmp_path).runs
    for run in runs:
        assert run.config == json.loads(json.dumps(run.config))
        assert run.config["seed"] == run.labels.seed
    assert len({id(run.config["training"]) for run in runs}) == 1
    assert len({id(run.provenance["packages"]) for run in runs}) == 1
