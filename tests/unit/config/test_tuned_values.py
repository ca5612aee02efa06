"""Which tuned values a run takes."""

from pathlib import Path

import pytest
import yaml

from hrmlab.config.composition import composer
from hrmlab.core.errors import UserError

TUNED = {
    "study": "tune",
    "experiments": {
        "mine": {
            "per_arm": {"hrm": {"optimizer": {"learning_rate": 0.125}}},
            "arms": {"hrm": {"chosen": {"optimizer.learning_rate": 0.125}, "trials": []}},
        }
    },
}


def rate_and_record(tmp_path: Path, *words: str) -> tuple[float, dict[str, object]]:
    (tmp_path / "experiments").mkdir(exist_ok=True)
    (tmp_path / "tuned.yaml").write_text(yaml.safe_dump(TUNED))
    (tmp_path / "experiments" / "mine.yaml").write_text("# @package _global_\nstudy: mine\n")
    (tmp_path / "experiments" / "other.yaml").write_text("# @package _global_\ndefaults: [/experiments/mine, _self_]\nstudy: other\n")
    with composer([tmp_path]) as composing:
        config = composing.compose(["model=hrm", *words]).config
    return config.optimizer.arguments["learning_rate"], dict(config.tuning or {})


def test_a_recipe_takes_the_values_of_its_own_name_or_of_the_one_it_names(tmp_path: Path) -> None:
    file = tmp_path / "tuned.yaml"
    for words in (["experiments=mine", f"tuning={file}"], ["experiments=other", f"tuning={file}:mine"]):
        rate, record = rate_and_record(tmp_path, *words)
        assert rate == 0.125
        assert (record["file"], record["experiment"]) == (str(file), "mine")


@pytest.mark.parametrize("named", ["", ":others"])
def test_what_was_not_tuned_is_named(tmp_path: Path, named: str) -> None:
    name = named.removeprefix(":") or "other"
    with pytest.raises(UserError, match=rf"holds nothing tuned for {name};.*tuning=null leaves it out"):
        rate_and_record(tmp_path, "experiments=other", f"tuning={tmp_path / 'tuned.yaml'}{named}")
