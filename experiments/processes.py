"""Programs that run beside each other and end together."""

import os
import signal
import subprocess
import threading

from data import Refused


def interrupt_on_signals():
    """SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does."""

    def interrupt(*_):
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


class Processes:
    """Starts programs for several threads. A program has a process group of its own, so that Ctrl-C reaches it through stop()
    only: a training takes a second signal for the wish to end without a checkpoint."""

    def __init__(self, environment):
        self.environment = environment
        self.running, self.is_stopped = set(), False
        self.lock = threading.Lock()

    def run(self, command):
        """Runs a program to its end. Returns its exit status, standard output and standard error."""
        with self.lock:
            if self.is_stopped:
                raise Refused("stopped")
            process = subprocess.Popen([str(part) for part in command], env=self.environment, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, start_new_session=True)
            self.running.add(process)
        try:
            output, errors = process.communicate()
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            with self.lock:
                self.running.discard(process)
        return process.returncode, output, errors

    def stop(self):
        """Starts nothing any more, and interrupts what runs: a training saves a checkpoint and ends."""
        with self.lock:
            self.is_stopped = True
            for process in self.running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGINT)
