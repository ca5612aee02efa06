"""Any text in printable ASCII and line breaks, reversibly: what lies beyond is written out, as \\{1f600}."""

import re

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
"""The characters that tokens stand for, whatever the generator."""

_OTHER = re.compile(r"[^\n -\[\]-~]")
_WRITTEN_OUT = re.compile(r"\\(?:\\|\{([0-9a-f]{1,6})\})")


def written_out(text: str) -> str:
    """The text in characters of ``ALPHABET``; a backslash becomes two."""
    return _OTHER.sub(lambda found: "\\\\" if found[0] == "\\" else f"\\{{{ord(found[0]):x}}}", text)


def read_back(text: str) -> str:
    """What :func:`written_out` was given; what it would not have written stays as it is."""
    return _WRITTEN_OUT.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else ord("\\")
    return chr(code) if code <= 0x10FFFF else found[0]
