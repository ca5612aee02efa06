"""What is remembered of files is what Hydra makes of them, and no longer than the files stay as they are."""

from pathlib import Path

import pytest
from hydra import compose
from omegaconf import OmegaConf

from hrmlab.config.composition import Composer, composer
from hrmlab.config.hydra_composition import compose_with_memory, memory_of

WORDS = [
    [],
    ["model=trm", "model.hidden_size=64", "seed=3"],
    ["experiments=sudoku/quick_4x4", "model=hrm", "training.steps=7", "data.side=4", "training.steps=9"],
    ["sweeps=quick", "logger=[csv,tensorboard]", "size={name: mine, parameters: 1000}", "per_arm.hrm.optimizer.learning_rate=1"],
    ["data=formal", "data.language=copy", "training.loss_terms.mine=0.1", "model.nothing={a: [1, null, x]}"],
]


def by_hydra(words: list[str]) -> tuple[object, object]:
    """What Hydra makes of all overrides at once: our keys, and its choices."""
    given = [word if "=" in word and word.partition("=")[0] in GROUPS else f"++{word}" for word in words]
    composed = compose("train", overrides=given, return_hydra_config=True)
    return plain(composed)


GROUPS = ("model", "data", "experiments", "sweeps", "logger")


def plain(composed) -> tuple[object, object]:
    kept = OmegaConf.masked_copy(composed, [key for key in composed if key != "hydra"])
    hydra = composed.hydra
    return OmegaConf.to_container(kept, resolve=False), (hydra.runtime.choices, hydra.mode, hydra.sweeper)


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_it_is_what_hydra_composes_of_all_overrides_at_once(words: list[str]) -> None:
    with composer() as composing:
        expected = by_hydra(words)
        for _ in range(2):  # read, and remembered
            assert plain(composing._compose(composing.parse(words))) == expected


def test_files_are_read_once_and_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = compose

    def counted(*arguments, **keywords):
        calls.append(arguments)
        return real(*arguments, **keywords)

    monkeypatch.setattr("hrmlab.config.hydra_composition.compose", counted)
    file = tmp_path / "experiments" / "mine.yaml"
    file.parent.mkdir()

    def steps(*words: str) -> int:
        with composer([tmp_path]) as composing:
            return composing.compose(["experiments=mine", *words]).config.training.steps

    file.write_text("# @package _global_\ntraining: {steps: 5}\n")
    assert steps() == 5
    first = len(calls)
    assert steps("seed=1", "data.side=4") == 5
    assert steps("training.steps=8") == 8
    assert len(calls) == first
    file.write_text("# @package _global_\ntraining: {steps: 16}\n")
    assert steps() == 16
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "hrm.yaml").write_text("defaults: [trm]\n")  # a new file in front of the package's is none: conf/ goes first
    assert steps() == 16
    assert len(calls) > first


def test_what_one_run_sets_is_nothing_to_the_next() -> None:
    with composer() as composing:
        composing.compose(["training.steps=8", "training.loss_terms.segment_cost=0.1"])
        config = composing.compose(["model=hrm"]).config
    assert config.training.loss_terms == {}
    assert config.training.steps != 8


def test_of_a_folder_with_too_much_in_it_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory_of([tmp_path]) is memory_of([tmp_path])
    monkeypatch.setattr("hrmlab.config.hydra_composition._MOST_FILES", 10)
    assert memory_of([tmp_path]) is not memory_of([tmp_path])


def test_a_long_lived_process_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hrmlab.config.hydra_composition._MOST_BASES", 2)
    monkeypatch.setattr("hrmlab.config.hydra_composition._memories", {})  # what other tests have had composed
    with composer() as composing:
        assert isinstance(composing, Composer)
        for model in ("hrm", "trm", "transformer"):
            compose_with_memory(composing._memory, [f"model={model}"], [])
        assert list(composing._memory.bases)[-1] == ("model=transformer",)
        assert len(composing._memory.bases) <= 2
