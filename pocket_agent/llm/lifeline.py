"""How a child process makes sure that it doesn't outlive its parent."""

import contextlib
import ctypes
import os
import signal
import sys
import threading


def die_with_parent() -> None:
    """On Linux the kernel ends us with our parent, even if our pipe stays open elsewhere."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if parent == 1 or os.getppid() != parent:
        os._exit(0)


def end_with_stdin() -> None:
    """Watch stdin in a thread, for a child that reads nothing else from it; end when it closes."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def ignore_interrupts() -> None:
    """Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
