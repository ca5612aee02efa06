"""Keep the C library from giving freed memory back to the kernel between steps.

By default glibc maps every block above 128 KiB afresh and unmaps it when freed, so each activation of each layer pays for its page
faults again in every step. With the thresholds raised, blocks are reused: element-wise operations on the CPU become two to four
times faster (docs/benchmarks.md). Memory use between steps stays at its peak, which training needs anyway.
"""

import contextlib
import ctypes
import sys

# From glibc's malloc.h. The mmap threshold cannot be set higher than 32 MiB.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MIB = 1 << 20


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for this process; does nothing where the C library is another one."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * _MIB)
        mallopt(_M_TRIM_THRESHOLD, 2047 * _MIB)
        mallopt(_M_TOP_PAD, 64 * _MIB)
