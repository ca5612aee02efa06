import re

import pytest

from hrmlab.cli import help as texts
from hrmlab.config.location import GROUPS, choices


@pytest.mark.parametrize("text", [texts.train_help(), texts.sweep_help()])
def test_help_lists_every_group_and_choice(text):
    words = re.split(r"[\s,=]+", text)
    for group in GROUPS:
        assert f"{group}=" in text
        assert set(choices(group)) <= set(words)
    assert max(map(len, text.splitlines())) <= 140


def test_every_flag_of_the_sweep_stands_in_its_help():
    for flag in ("--jobs", "--retry-failed", "--dry-run", "--no-report", "--reports", "--config-dir"):
        assert flag in texts.sweep_help()
