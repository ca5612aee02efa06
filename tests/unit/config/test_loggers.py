"""One logger, several, or one of the time when there was only one."""

import pytest

from hrmlab.config.composition import composer
from hrmlab.config.configuration import Configuration
from hrmlab.config.schema import CsvLogger, TensorboardLogger, WandbLogger
from hrmlab.core.errors import UserError

WANDB = WandbLogger(project="hrmlab", entity=None, mode="offline")


def chosen(*overrides: str) -> Configuration:
    with composer() as composing:
        return composing.compose(overrides).config


@pytest.mark.parametrize(
    ("words", "loggers"),
    [
        ((), (CsvLogger(),)),
        (("logger=wandb",), (WANDB,)),
        (("logger=[wandb,tensorboard]",), (WANDB, TensorboardLogger())),
        (
            ("logger=[tensorboard,wandb]", "logger.project=mine"),
            (WandbLogger(project="mine", entity=None, mode="offline"), TensorboardLogger()),
        ),
    ],
)
def test_loggers_are_chosen_and_read_back(words, loggers):
    config = chosen(*words)
    assert config.logger == loggers
    assert Configuration.from_plain(config.to_plain()) == config


@pytest.mark.parametrize(
    ("section", "loggers"),
    [
        ({"name": "csv"}, (CsvLogger(),)),
        ({"name": "tensorboard"}, (TensorboardLogger(),)),
        ({"name": "wandb", "project": "hrmlab", "entity": None, "mode": "offline"}, (WANDB,)),
    ],
)
def test_a_run_of_the_time_of_single_loggers_is_read(section, loggers):
    assert Configuration.from_plain({**chosen().to_plain(), "logger": section}).logger == loggers


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["logger=[wandb,tensorbord]"], "logger=tensorbord does not exist; did you mean tensorboard?"),
        (["logger=[]"], "choose one with logger=<name>"),
        (["logger.project=x"], "logger.project is not a known key; logger has csv"),
        (["logger=[wandb,tensorboard]", "logger.mode=loud"], "logger.mode=loud"),
        (["logger.csv=false"], "write logger=<name>, or several: logger="),
        (["model=[hrm,transformer]"], "does not name one choice"),
        (["logger=[[wandb]]"], "logger=[[wandb]] does not name one choice"),
    ],
)
def test_mistakes_are_answered(words, said):
    with pytest.raises(UserError) as error:
        chosen(*words)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
