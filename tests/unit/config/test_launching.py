"""Settings of launchers: every key stands in the files, and a wrong one is answered by name."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from hrmlab.config.launching import LocalSettings, SlurmSettings, read_launcher
from hrmlab.config.location import configuration_root
from hrmlab.core.errors import UserError


@pytest.mark.parametrize(("name", "schema"), [("local", LocalSettings), ("slurm", SlurmSettings)])
def test_the_file_says_every_key(name, schema):
    content = yaml.safe_load((configuration_root() / "conf/launcher" / f"{name}.yaml").read_text())
    assert list(content) == [field.name for field in fields(schema)]
    assert isinstance(read_launcher(name, {}), schema)


def test_values_of_the_command_line_and_files_of_the_user(tmp_path: Path):
    settings = read_launcher("slurm", {"partition": "gpu", "time_limit_minutes": 30, "sbatch_arguments": ["--constraint=a100", "-Ca100"]})
    assert isinstance(settings, SlurmSettings)
    assert (settings.partition, settings.time_limit_minutes, settings.memory) == ("gpu", 30, None)
    slurm = (configuration_root() / "conf/launcher/slurm.yaml").read_text()
    (tmp_path / "launcher").mkdir()
    (tmp_path / "launcher/ours.yaml").write_text(slurm.replace("partition: null", "partition: long"))
    ours = read_launcher("ours", {"memory": "16G"}, [tmp_path])
    assert isinstance(ours, SlurmSettings)
    assert (ours.partition, ours.memory) == ("long", "16G")


@pytest.mark.parametrize(
    ("choice", "changes", "words"),
    [
        ("slrum", {}, "launcher=slrum is not there; did you mean slurm?"),
        ("slurm", {"partion": "gpu"}, "launcher.partion is not a known key; did you mean launcher.partition?"),
        ("local", {"partition": "gpu"}, "launcher.partition is not a known key"),
        ("slurm", {"memory": "much"}, "launcher.memory=much is not an amount of memory; write it as 16G"),
        ("slurm", {"time_limit_minutes": 0}, "launcher.time_limit_minutes=0 is below 1"),
        ("slurm", {"time_limit_minutes": "1:00:00"}, "launcher.time_limit_minutes=1:00:00 is not an integer"),
        ("slurm", {"requeues": -1}, "launcher.requeues=-1 is below 0"),
        ("slurm", {"poll_seconds": 0.0}, "launcher.poll_seconds=0.0 is not a positive number"),
        ("slurm", {"sbatch_arguments": ["--constraint", "a100"]}, "holds 'a100', which is not an option"),
        ("slurm", {"sbatch_arguments": "--constraint=a100"}, "launcher.sbatch_arguments=--constraint=a100 is not a list"),
    ],
)
def test_a_wrong_one_is_answered_in_a_sentence(choice, changes, words):
    with pytest.raises(UserError) as error:
        read_launcher(choice, changes)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["partition: gpu\n", "[]\n", "{\n"])
def test_a_file_that_is_no_launcher_is_named(text, tmp_path):
    (tmp_path / "launcher").mkdir()
    (tmp_path / "launcher/ours.yaml").write_text(text)
    with pytest.raises(UserError, match=r"launcher/ours\.yaml"):
        read_launcher("ours", {}, [tmp_path])
