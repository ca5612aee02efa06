"""An installed wheel carries the configuration and works from anywhere, without the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stdout + result.stderr
    (file,) = folder.glob("*.whl")
    return file


def test_a_wheel_holds_every_configuration_file(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("conf", "experiments", "sweeps"):
        for file in (ROOT / folder).rglob("*.yaml"):
            assert f"hrmlab/_configuration/{file.relative_to(ROOT)}" in names
    assert "hydra_plugins/hrmlab_search_path/__init__.py" in names


def test_an_installed_wheel_composes_and_trains_from_anywhere(wheel, tmp_path):
    environment, work = tmp_path / "environment", tmp_path / "work"
    work.mkdir()
    # The packages that hrmlab needs are those of this interpreter; hrmlab itself comes from the wheel alone.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (site / "packages_of_the_tests.pth").write_text("\n".join(packages) + "\n")

    def run(module, *words):
        command = [str(python), "-c", f"from hrmlab.cli.{module} import main; main()", *words]
        return subprocess.run(command, cwd=work, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    where = run("train", "--info", "searchpath")
    assert str(site / "hrmlab" / "_configuration") in where.stdout, where.stdout + where.stderr
    assert str(ROOT / "conf") not in where.stdout
    small = ["experiments=sudoku/quick_4x4", "model=transformer", "training.steps=4", "data.train_examples=64", "data.test_examples=20"]
    result = run("train", *small, "data.validation_examples=20", "size.parameters=12000", "size.head_size=8", "trainer.progress_bar=false")
    assert result.returncode == 0, result.stdout + result.stderr
    assert [path.name for path in work.iterdir()] == ["outputs"]
    assert "completed: test exact accuracy" in result.stdout
    assert run("train", "model.h_layer=3").returncode == 2
