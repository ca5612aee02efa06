"""The colours of hrm-serve's page can be read, light and dark: WCAG 2.2's contrast ratio of text, 4.5."""

import re
from pathlib import Path

import pytest

import hrmlab

STYLE = (Path(hrmlab.__file__).parent / "serving" / "page" / "style.css").read_text()
INKS = {
    "ink": ("page", "shade", "changed", "given"),
    "quiet": ("page",),
    "link": ("page",),
    "bad": ("page", "changed", "given"),
    "good": ("page",),
}
INKS |= {"one": ("page",), "two": ("page",), "page": ("link",)}
"""Ink -> what it stands on."""


def schemes() -> dict[str, dict[str, str]]:
    light, dark = (dict(re.findall(r"--(\w+): (#\w+);", block)) for block in re.findall(r":root \{(.*?)\}", STYLE))
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    colours = schemes()[scheme]
    for ink, grounds in INKS.items():
        for ground in grounds:
            dim, bright = sorted(luminance(colours[name]) for name in (ink, ground))
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, (ink, ground)
