"""report.html in headless Chromium: from a file, offline, on a desk and on a phone."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hrmlab.reporting.report import make_report

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "reporting"))

from quick_figures import painted_figures
from run_factory import make_study  # pyright: ignore[reportMissingImports] - of the unit tests

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="chromium or chromedriver is not installed (Debian: apt install chromium chromium-driver)",
    ),
]
_MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
@painted_figures()
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """report.html of a study of three arms, two tasks and three seeds."""
    root = tmp_path_factory.mktemp("browser")
    make_study(root / "outputs")
    return make_report(study="quick", output_root=root / "outputs", reports_root=root / "reports").path.with_suffix(".html")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without network and window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    profile = tmp_path_factory.mktemp("profile")
    quiet = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-sync")
    for word in (*quiet, "disable-component-update", "disable-dev-shm-usage", f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(shutil.which("chromedriver"))))
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd(
        "Network.emulateNetworkConditions", {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    )
    yield driver
    driver.quit()


def _open(browser: Any, page: Path, *, width: int) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    browser.get(page.as_uri())
    browser.get_log("browser")
    browser.refresh()
    browser.execute_script("document.getElementById('open-all').click()")
    _until(browser, "return [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('canvas'))")


def _until(browser: Any, condition: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20).until(lambda driver: driver.execute_script(condition))


def test_the_page_is_small(page: Path) -> None:
    assert page.stat().st_size < _MOST_BYTES


@pytest.mark.parametrize("width", [1200, 400])
def test_no_error_and_nothing_from_elsewhere(browser: Any, page: Path, width: int) -> None:
    _open(browser, page, width=width)
    assert browser.get_log("browser") == []
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []


def test_a_click_on_a_heading_sorts_by_value(browser: Any, page: Path) -> None:
    _open(browser, page, width=1200)
    read = """const table = [...document.querySelectorAll('table')].find((each) => each.tHead.textContent.includes('Whole training'));
              const place = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.includes('Whole training'));
              if (arguments[0]) table.tHead.rows[0].cells[place].click();
              return [...table.tBodies[0].rows].map((row) => Number(row.cells[place].dataset.sort));"""
    before = browser.execute_script(read, False)
    assert len(set(before)) > 1
    assert before != sorted(before)
    browser.execute_script(read, True)
    _until(browser, "return document.querySelector('th[aria-sort=\"ascending\"]') !== null")
    browser.execute_async_script("setTimeout(arguments[0], 100)")  # the library sorts a moment later
    assert browser.execute_script(read, False) == sorted(before)
    browser.execute_script(read, True)
    browser.execute_async_script("setTimeout(arguments[0], 100)")
    assert browser.execute_script(read, False) == sorted(before, reverse=True)


def test_pointing_at_a_curve_shows_every_arms_value(browser: Any, page: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    _open(browser, page, width=1200)
    over = browser.execute_script(
        "const over = document.querySelector('.chart .u-over'); over.scrollIntoView({block: 'center'}); return over"
    )
    ActionChains(browser).move_to_element(over).perform()
    _until(browser, "const tip = document.querySelector('.chart .tip'); return tip && !tip.hidden && tip.textContent.length > 0")
    shown = browser.execute_script("return document.querySelector('.chart .tip').innerText").splitlines()
    assert [line.partition(":")[0] for line in shown] == ["hrm", "transformer", "deep_supervision_transformer"]
    assert all(" % at " in line for line in shown)


def test_another_axis_redraws_the_curves(browser: Any, page: Path) -> None:
    _open(browser, page, width=1200)
    browser.execute_script("document.querySelectorAll('.chart .axes button')[1].click()")
    pressed = browser.execute_script("return document.querySelectorAll('.chart .axes button')[1].getAttribute('aria-pressed')")
    assert pressed == "true"
    assert browser.execute_script("return document.querySelector('.chart canvas') !== null")


def test_a_phone_clips_nothing(browser: Any, page: Path) -> None:
    """What is wider than the screen scrolls inside a frame of its own; the page itself never scrolls sideways."""
    _open(browser, page, width=400)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 400
    outside = """return [...document.querySelectorAll('table, pre, img, svg.track, canvas')].filter((each) => {
        const frame = each.closest('.wide, pre');
        if (frame && frame.scrollWidth > frame.clientWidth) return !['auto', 'scroll'].includes(getComputedStyle(frame).overflowX);
        return each.getBoundingClientRect().right > 401;
    }).map((each) => each.outerHTML.slice(0, 200))"""
    assert browser.execute_script(outside) == []


def test_a_link_opens_the_part_that_it_points_at(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    browser.execute_script("document.querySelector('p a[href=\"#fairness-card\"]').click()")
    _until(browser, "return document.getElementById('fairness-card').closest('details').open")
