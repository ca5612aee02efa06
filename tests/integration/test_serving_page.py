"""The page of hrm-serve in headless Chromium: a puzzle is solved, the slider moves, cells are drawn and asked, tables sort; no error."""

import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import served
from hrmlab.serving.limits import Limits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="chromium or chromedriver is not installed (Debian: apt install chromium chromium-driver)",
    ),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser at a server with two arms on each of a Sudoku, a maze and code."""
    from selenium import webdriver

    root = tmp_path_factory.mktemp("page")
    (root / "reports" / "quick").mkdir(parents=True)
    (root / "reports" / "quick" / "results.csv").write_text("task,arm,seed,test/exact_accuracy\nt,b,0,0.5\nt,a,1,0.75\nt,c,2,0.25\n")
    limits = Limits()
    catalogue = served.catalogue_of(root, [served.sudoku(), served.maze(), served.code()], limits)
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    quiet = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-sync")
    for word in (*quiet, "disable-component-update", "disable-dev-shm-usage", f"user-data-dir={root / 'profile'}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with served.serving(catalogue, root, limits=limits) as url:
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(shutil.which("chromedriver"))))
        yield SimpleNamespace(driver=driver, url=url)
        driver.quit()


def opened(page: Any, part: str = "think", *, width: int = 1200) -> Any:
    driver = page.driver
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(f"{page.url}/#{part}")
    until(driver, "return document.body.dataset.ready === 'true'")
    return driver


def until(driver: Any, condition: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 30).until(lambda found: found.execute_script(condition))


def solved(driver: Any) -> None:
    driver.execute_script("document.getElementById('solve').click()")
    until(driver, "return document.querySelectorAll('.arm .verdict').length === 2 && document.querySelectorAll('.arm svg').length > 2")


def texts(driver: Any, selector: str) -> list[str]:
    return driver.execute_script("return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector)


def test_a_puzzle_is_solved_and_the_slider_shows_each_segment(page: Any) -> None:
    driver = opened(page)
    assert texts(driver, "#task option") == ["sudoku_4x4", "maze_5x5"]
    solved(driver)
    assert texts(driver, ".arm h3") == ["hrm", "transformer"]
    assert driver.execute_script("return document.getElementById('segment').max") == "4"
    last = texts(driver, ".arm:first-child .cell")
    said = texts(driver, ".arm .said")
    assert said[0].startswith("Segment 4: ")
    driver.execute_script("const s = document.getElementById('segment'); s.value = 1; s.dispatchEvent(new Event('input'))")
    assert texts(driver, "#segment-number") == ["1 of 4"]
    assert texts(driver, ".arm .said")[0].startswith("Segment 1: ")
    first = texts(driver, ".arm:first-child .cell")
    assert len(first) == len(last) == 16
    changed = driver.execute_script("return document.querySelectorAll('.arm:first-child .cell.changed').length")
    assert int(texts(driver, ".arm .said")[0].split()[2]) == changed
    driver.execute_script("document.querySelector('.arm .cell').click()")
    until(driver, "return document.querySelectorAll('.arm:first-child .look').length === 16")
    assert driver.execute_script("return document.querySelectorAll('.arm:first-child .cell.asked').length") == 1
    assert driver.get_log("browser") == []


def test_cells_are_typed_and_walked_by_keyboard(page: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = opened(page)
    driver.execute_script("document.getElementById('clear').click(); document.querySelector('#question .cell').focus()")
    for key in ("1", Keys.ARROW_RIGHT, "2", Keys.ARROW_DOWN, "3", Keys.BACKSPACE, "4", "x"):
        driver.switch_to.active_element.send_keys(key)
    cells = texts(driver, "#question .cell")
    assert (cells[0], cells[1], cells[5], len("".join(cells))) == ("1", "2", "4", 3)
    assert driver.execute_script("return document.activeElement.getAttribute('aria-label')") == "row 2, column 2: digit 4"
    solved(driver)
    driver.execute_script(
        "const t = document.getElementById('text'); t.value = '11..............'; document.getElementById('take').click()"
    )
    driver.execute_script("document.getElementById('solve').click()")
    until(driver, "return document.getElementById('status').classList.contains('bad')")
    assert "digit 1" in texts(driver, "#status")[0] or "twice" in texts(driver, "#status")[0]


def test_a_maze_is_drawn_with_one_start(page: Any) -> None:
    driver = opened(page)
    driver.execute_script("const t = document.getElementById('task'); t.value = 'maze_5x5'; t.dispatchEvent(new Event('change'))")
    until(driver, "return document.querySelectorAll('#question .cell').length === 25")
    driver.execute_script("document.getElementById('clear').click()")
    press = """[...document.querySelectorAll('#brushes button')].find((each) => each.textContent === arguments[0]).click();
               document.querySelector(`#question [data-place="${arguments[1]}"]`).click()"""
    for name, place in (("start", 0), ("start", 6), ("goal", 24), ("wall", 7)):
        driver.execute_script(press, name, place)
    cells = texts(driver, "#question .cell")
    assert [place for place, cell in enumerate(cells) if cell] == [6, 24]
    solved(driver)
    assert driver.get_log("browser") == []


def test_code_is_written_as_it_comes(page: Any) -> None:
    driver = opened(page, "write")
    driver.execute_script("document.getElementById('tokens').value = 8; document.getElementById('go').click()")
    until(driver, "return document.getElementById('status').textContent === 'written'")
    assert len(texts(driver, "#texts pre")) == 2
    assert all(text.startswith("def add(a: int") for text in texts(driver, "#texts pre"))
    assert driver.get_log("browser") == []


def test_studies_sort_by_a_heading(page: Any) -> None:
    driver = opened(page, "studies")
    column = "return [...document.querySelectorAll('#runs tbody tr')].map((row) => row.cells[1].textContent)"
    until(driver, "return document.querySelectorAll('#runs tbody tr').length === 3")
    for expected in (["c", "b", "a"], ["a", "b", "c"]):
        driver.execute_script("document.querySelectorAll('#runs th button')[3].click()")
        assert driver.execute_script(column) == expected
    driver.execute_script("const f = document.getElementById('filter'); f.value = '0.75'; f.dispatchEvent(new Event('input'))")
    assert driver.execute_script(column) == ["a"]


@pytest.mark.parametrize("part", ["think", "write", "studies"])
def test_a_phone_scrolls_in_one_direction(page: Any, part: str) -> None:
    driver = opened(page, part, width=400)
    if part == "think":
        solved(driver)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 400
    loaded = driver.execute_script("return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)")
    assert set(loaded) == {page.url}
