"""The page of hrm-serve in headless Chromium: a puzzle of each kind is solved, the slider moves, cells are drawn, typed and asked, tables
sort; no error."""

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
    """A browser at a server with two arms on each of a Sudoku, a maze, ARC, grids of somebody's own and code."""
    from selenium import webdriver

    root = tmp_path_factory.mktemp("page")
    (root / "reports" / "quick").mkdir(parents=True)
    (root / "reports" / "quick" / "results.csv").write_text("task,arm,seed,test/exact_accuracy\nt,b,0,0.5\nt,a,1,0.75\nt,c,2,0.25\n")
    limits = Limits()
    tasks = [served.sudoku(), served.maze(), served.arc(root / "tasks"), served.custom(root / "own.jsonl"), served.code()]
    catalogue = served.catalogue_of(root, tasks, limits)
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
    until(driver, "return document.querySelectorAll('.arm .verdict').length === 2 && !document.getElementById('solve').disabled")


def texts(driver: Any, selector: str) -> list[str]:
    return driver.execute_script("return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector)


def test_a_puzzle_is_solved_and_the_slider_shows_each_segment(page: Any) -> None:
    driver = opened(page)
    assert texts(driver, "#task option") == ["sudoku_4x4", "maze_5x5", "arc_tasks_4x4", "custom_own"]
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
    typed(driver, "11..............")
    until(driver, "return document.getElementById('status').classList.contains('bad')")
    assert "digit 1" in texts(driver, "#status")[0] or "twice" in texts(driver, "#status")[0]


def picked(page: Any, task: str, cells: int) -> Any:
    """A browser at the first example of a task, whose question has so many cells."""
    driver = opened(page)
    driver.execute_script("const t = document.getElementById('task'); t.value = arguments[0]; t.dispatchEvent(new Event('change'))", task)
    until(driver, f"return document.querySelectorAll('#question .cell').length === {cells}")
    return driver


def typed(driver: Any, text: str) -> None:
    driver.execute_script("document.getElementById('text').value = arguments[0]; document.getElementById('take').click()", text)


def test_a_maze_is_drawn_with_one_start(page: Any) -> None:
    driver = picked(page, "maze_5x5", 25)
    driver.execute_script("document.getElementById('clear').click()")
    press = """[...document.querySelectorAll('#brushes button')].find((each) => each.textContent === arguments[0]).click();
               document.querySelector(`#question [data-place="${arguments[1]}"]`).click()"""
    for name, place in (("start", 0), ("start", 6), ("goal", 24), ("wall", 7)):
        driver.execute_script(press, name, place)
    cells = texts(driver, "#question .cell")
    assert [place for place, cell in enumerate(cells) if cell] == [6, 24]
    solved(driver)
    assert driver.get_log("browser") == []


def test_a_task_of_arc_is_picked_beside_its_demonstrations(page: Any) -> None:
    driver = picked(page, "arc_tasks_4x4", 9)
    assert len(texts(driver, "#beside .board")) == 6  # three demonstrations, each a question and an answer
    assert (
        driver.execute_script("return new Set([...document.querySelectorAll('#question .cell')].map((c) => c.style.backgroundColor)).size")
        == 3
    )
    solved(driver)
    assert set(texts(driver, ".arm .verdict")) <= {"right after all segments", "wrong after all segments"}  # by the known answer
    assert len(texts(driver, "#known .cell")) == 9
    typed(driver, "12/34")  # one's own, to the same rule
    until(driver, "return document.querySelectorAll('#question .cell').length === 4")
    assert texts(driver, "#which") == ["your own"]
    solved(driver)
    assert texts(driver, ".arm .verdict") == ["answered"] * 2
    assert driver.get_log("browser") == []


def test_grids_of_ones_own_are_drawn_and_typed(page: Any) -> None:
    driver = picked(page, "custom_own", 6)
    assert len("".join(texts(driver, "#question .cell"))) == 6  # a token of 0 is a token
    driver.execute_script("document.querySelectorAll('#brushes button')[11].click(); document.querySelector('#question .cell').click()")
    assert texts(driver, "#question .cell")[0] == "11"
    assert driver.execute_script("return document.getElementById('text').value").split()[0] == "11"
    solved(driver)
    assert len(texts(driver, ".arm:first-child .cell")) == 6
    typed(driver, "4 3 2 1 0")
    until(driver, "return document.getElementById('status').classList.contains('bad')")
    assert "5 numbers instead of 6" in texts(driver, "#status")[0]
    typed(driver, "4 3 2 1 0 11")
    until(driver, "return document.querySelector('#question .cell').textContent === '4'")
    assert texts(driver, "#question .cell") == ["4", "3", "2", "1", "0", "11"]
    solved(driver)
    typed(driver, "4 3 2 1 0 4")
    assert [entry for entry in driver.get_log("browser") if "422" not in entry["message"]] == []


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
