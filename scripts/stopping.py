"""Ends a script together with every process that it has started."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>
# Set when the script is told to end: what its processes report from then on is no result.
is_stopping = threading.Event()


def descendants():
    """The ids of the running processes that this one has started, and of those that they have started."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found, new = set(), {os.getpid()}
    while new:
        new = {process for process, parent in parents.items() if parent in new} - found
        found |= new
    return found


def kill_descendants(seconds=10):
    """Kills them until none is left, for at most so long: another thread may just have started one, and a driver may hold one."""
    # From now on, a process whose parent has been killed becomes a child of this one, which does not wait for it.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    deadline = time.monotonic() + seconds
    while (running := descendants()) and time.monotonic() < deadline:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def run_until_stopped(main):
    """Exits with the status that main() returns. SIGINT, SIGTERM and SIGHUP end the script with status 1, after what it has
    started."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)

    # Python calls a handler when the main thread wakes up. A thread of its own does not wait for that.
    def kill_when_told():
        os.read(told, 1)
        is_stopping.set()
        while True:
            kill_descendants()
            time.sleep(0.1)

    def interrupt(*_):
        is_stopping.set()
        raise KeyboardInterrupt

    threading.Thread(target=kill_when_told, daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    signal.set_wakeup_fd(tell)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        kill_descendants()
        sys.exit(f"{Path(sys.argv[0]).name}: interrupted")
