#!/usr/bin/env python3
"""Signals end a script together with the processes that its threads have started, and with the children of these."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# Two threads start a shell again and again, which waits for a child of its own. The script tells when both run.
SCRIPT = """
import concurrent.futures, subprocess, sys
sys.path.insert(0, sys.argv[1])
from stopping import is_stopping, run_until_stopped

def start(number):
    while not is_stopping.is_set():
        subprocess.run(["sh", "-c", f"sleep {sys.argv[2]} & echo {number}; wait"])

def main():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(start, range(2)))

run_until_stopped(main)
"""


def sleeping(seconds):
    """The number of processes that sleep for so long; the number holds the id of this process."""
    words = f"sleep\0{seconds}\0".encode()
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += path.read_bytes() == words
    return found


def main():
    failed = 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        seconds = 100 * os.getpid() + number
        script = subprocess.Popen([sys.executable, "-c", SCRIPT, SCRIPTS, str(seconds)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)  # fmt: skip
        started = {script.stdout.readline().strip() for _ in range(2)}
        deadline = time.monotonic() + 10
        while sleeping(seconds) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        before = sleeping(seconds)
        script.send_signal(number)
        _, errors = script.communicate(timeout=10)
        after = sleeping(seconds)
        right = started == {"0", "1"} and before == 2 and after == 0 and script.returncode == 1 and errors.endswith(": interrupted\n")
        failed += not right
        print(f"{number.name}: {before} processes before, {after} after, status {script.returncode}, {errors.strip()}")
    print(f"{3 - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
