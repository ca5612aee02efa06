"""Photographs the page of hrm-serve for README.md and docs/serving.md: ``python docs/screenshots.py [KEY=VALUE ...]``, keys of hrm-serve.

Needs chromium and chromedriver. Without keys the two small runs of the study demo are served, trained where they are not there. Of their
test puzzles the first is shown that every arm has right at its end and the first arm wrong after its first segment, and that segment; where
there is none, the last that was tried.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

FIGURES = Path(__file__).parent / "figures"
SHOTS = {"serving_wide.png": (1200, 1000, "light"), "serving_phone.png": (400, 1600, "dark")}
TRIED = 60
READY = "document.body.dataset.ready === 'true'"
SOLVED = "document.querySelector('.arm .verdict') !== null && !document.getElementById('solve').disabled"
FITTING = """[...document.querySelectorAll('.arm .verdict')].every((each) => each.classList.contains('right'))
             && document.querySelectorAll('.arm:first-child .off').length > 0"""
FIRST = "const s = document.getElementById('segment'); s.value = 1; s.dispatchEvent(new Event('input')); scrollTo(0, 0)"


def main(words: list[str]) -> int:
    """Serve, photograph, end; the exit code."""
    command = [sys.executable, "-m", "hrmlab.cli.serve", "port=0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            print(line, end="", flush=True)
            if found := re.search(r"http://\S+", line):
                try:
                    _photograph(found[0])
                finally:
                    server.terminate()
                return 0
        return server.wait()


def _photograph(url: str) -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for word in ("headless", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{word}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(shutil.which("chromedriver"))))
    try:
        for name, (width, height, scheme) in SHOTS.items():
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            driver.get("about:blank")
            driver.get(f"{url}#think")
            _until(driver, READY)
            for _ in range(TRIED):
                before = driver.execute_script("const w = document.getElementById('which').textContent; solve.click(); return w")
                _until(driver, SOLVED)
                driver.execute_script(FIRST)
                if driver.execute_script(f"return {FITTING}"):
                    break
                driver.execute_script("document.getElementById('next').click()")
                _until(driver, f"document.getElementById('which').textContent !== '{before}'")
            driver.save_screenshot(str(FIGURES / name))
            with Image.open(FIGURES / name) as image:
                image.convert("RGB").quantize(128).save(FIGURES / name, optimize=True)
            print(f"{FIGURES / name}: {(FIGURES / name).stat().st_size:,} bytes")
    finally:
        driver.quit()


def _until(driver: Any, condition: str) -> None:
    WebDriverWait(driver, 60).until(lambda found: found.execute_script(f"return {condition}"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
