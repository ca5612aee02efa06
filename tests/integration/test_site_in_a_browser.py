"""The documentation site in headless Chromium: its search answers, nothing is clipped on a phone, the dark is dark."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "site"
SOURCES = ("docs/**/*", "mkdocs.yml", "conf/**/*.yaml", "src/hrmlab/**/*.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="chromium or chromedriver is not installed (Debian: apt install chromium chromium-driver)",
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site that `make docs` built, where nothing has changed since; else a new one."""
    index = SITE / "index.html"
    if index.exists() and index.stat().st_mtime > max(file.stat().st_mtime for part in SOURCES for file in ROOT.glob(part)):
        return SITE
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Of the site behind HTTP, which its search needs: browsers start no worker from a file."""
    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    profile = tmp_path_factory.mktemp("profile")
    quiet = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-sync")
    for word in (*quiet, "disable-component-update", "disable-dev-shm-usage", f"user-data-dir={profile}"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(shutil.which("chromedriver"))))
    yield driver
    driver.quit()


def opened(browser: Any, address: str, *, width: int, scheme: str = "light") -> None:
    browser.get(address)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get_log("browser")
    browser.refresh()


def until(browser: Any, condition: str) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 30).until(lambda driver: driver.execute_script(f"return {condition}"))


def test_the_search_box_answers(browser: Any, address: str) -> None:
    opened(browser, f"{address}/tutorial/own_task.html", width=1300)
    box = browser.find_element("css selector", ".md-search__input")
    box.click()
    box.send_keys("halting curriculum")
    until(browser, "document.querySelectorAll('.md-search-result__item').length > 0")
    found = browser.execute_script("return [...document.querySelectorAll('.md-search-result__link')].map((link) => link.href)")
    assert any("reference/configuration/training.html" in link for link in found), found
    assert all(link.startswith(address) for link in found)
    assert browser.get_log("browser") == []


def test_no_page_clips_anything_on_a_phone_or_loads_from_elsewhere(browser: Any, site: Path) -> None:
    """What is wider than the screen scrolls in a frame of its own."""
    outside = """return [...document.querySelectorAll('.md-content table, .md-content pre > code, .md-content img')].filter((each) => {
        let frame = each.parentElement;
        while (frame && !['auto', 'scroll'].includes(getComputedStyle(frame).overflowX)) frame = frame.parentElement;
        return each.getBoundingClientRect().right > 400 && !(frame && frame.getBoundingClientRect().right <= 400);
    }).map((each) => each.outerHTML.slice(0, 200))"""
    opened(browser, (site / "index.html").as_uri(), width=400)
    pages = [page for page in sorted(site.rglob("*.html")) if page.name != "404.html"]
    assert len(pages) >= 40
    for page in pages:
        browser.get(page.as_uri())
        assert browser.execute_script(outside) == [], page
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 400, page
        loaded = browser.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert [name for name in loaded if not name.startswith(("file:", "data:"))] == [], page
        assert browser.get_log("browser") == [], page


def test_the_dark_is_dark(browser: Any, site: Path) -> None:
    def brightness(selector: str, kind: str) -> float:
        colour = browser.execute_script(f"return getComputedStyle(document.querySelector(arguments[0])).{kind}", selector)
        channels = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        return sum(channels) / 765

    for scheme, name in (("light", "default"), ("dark", "slate")):
        opened(browser, (site / "index.html").as_uri(), width=1300, scheme=scheme)
        until(browser, f"document.body.getAttribute('data-md-color-scheme') === '{name}'")
        page, ink = brightness("body", "backgroundColor"), brightness(".md-content p", "color")
        assert (ink - page > 0.5) == (scheme == "dark")
        assert abs(ink - page) > 0.5
