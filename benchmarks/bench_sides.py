"""The processes that scripts/bench times: the engine's (benchmarks/rows/main.cpp) and those of its peers."""

import json
import os
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HANDOVER_SECONDS = 0.05  # after a run, waiting threads spin for a while before they release the cores


class Refused(Exception):
    """A side answered with an error. Other rows and modes may still work."""


@contextmanager
def refusals(what):
    """Reports a refusal inside the block and continues."""
    try:
        yield
    except Refused as why:
        print(f"bench: {what}: {why}", file=sys.stderr)


class Side:
    """A process that answers requests (benchmarks/rows/main.cpp, benchmarks/pytorch_rows.py, benchmarks/onnx_rows.py).
    It is started again after its end, and after each error on a GPU, because an error may make the GPU context unusable."""

    def __init__(self, name, command, on_gpu):
        self.name, self.command, self.on_gpu = name, [str(part) for part in command], on_gpu
        self.start()

    def start(self):
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                            env=environment(self.name))
        except OSError as error:
            sys.exit(f"bench: {error}")

    def ask(self, do, **request):
        if self.process is None:
            self.start()
        try:
            print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            status, self.process = self.process.wait(), None
            raise Refused(f"{self.name} ended without an answer (status {status})")
        reply = json.loads(line)
        if "error" in reply:
            if self.on_gpu:
                self.close()
            raise Refused(f"{self.name}: {reply['error']}")
        return reply

    def seconds(self, runs=1, together=1):
        return self.ask("time", runs=runs, together=together)["seconds"]

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
        self.process = None


def environment(name):
    """Environment of the engine: library folders of the bundle, the CUDA toolkit and Python wheels. None for peers."""
    if name != "the engine":
        return None
    folders = [str(ROOT / "lib")] if (ROOT / "lib").is_dir() else []
    sites = {path for path in sys.path if path.endswith("-packages")} | {sysconfig.get_paths()["purelib"]}
    folders += ["/usr/local/cuda/lib64"] + [str(f) for site in sites for f in Path(site).glob("nvidia/*/lib")]
    before = os.environ.get("LD_LIBRARY_PATH")
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders + [before] * bool(before))}


def take_turns(paces, turns):
    """Seconds of runs by name. `paces`: name → (Side, runs per turn, runs timed together). A peer that refuses is left
    out; a refusal of "ours" is raised."""
    seconds = {name: [] for name in paces}
    for _ in range(turns):
        for name in list(seconds):
            side, runs, together = paces[name]
            time.sleep(HANDOVER_SECONDS)
            try:
                seconds[name] += side.seconds(runs, together)
            except Refused as why:
                if name == "ours":
                    raise
                print(f"bench: without {name}: {why}", file=sys.stderr)
                del seconds[name]
    return seconds
