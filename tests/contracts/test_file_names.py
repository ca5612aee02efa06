"""Test files are imported by their names alone, for no folder of tests is a package."""

from collections import Counter
from pathlib import Path


def test_no_two_test_files_have_one_name() -> None:
    names = Counter(file.name for file in Path(__file__).parents[1].rglob("*.py") if file.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == [], "pytest would collect neither"
