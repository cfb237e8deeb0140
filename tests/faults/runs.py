"""Runs programs undisturbed and with a fault, and compares what they leave."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cases import content_of, is_whole_before_the_end, write_inputs

HERE = Path(__file__).resolve().parent
TIME_LIMIT = 300  # seconds; an undisturbed run takes about one on an idle machine


@dataclass
class Result:
    command: str
    status: int = None  # None: ended by a signal, or did not end
    signal: int = None
    timed_out: bool = False
    stdout: bytes = b""
    stderr: str = ""
    trace: dict = field(default_factory=dict)


class Workshop:
    """The compiled tracer, the inputs, and a folder for each run."""

    def __init__(self, build, folder):
        self.folder = Path(folder)
        self.bin = Path(build).resolve() / "bin"
        self.trace, self.library = self.folder / "trace", self.folder / "preload.so"
        compiler = [os.environ.get("CXX", "c++"), "-std=c++20", "-O1"]
        subprocess.run([*compiler, HERE / "trace.cpp", "-o", self.trace], check=True)
        subprocess.run([*compiler, "-shared", "-fPIC", HERE / "preload.cpp", "-o", self.library, "-ldl"], check=True)
        self.inputs = self.folder / "inputs"
        write_inputs(self.inputs)
        self.make_weights()

    def make_weights(self):
        """Weights for upscale and evaluate, by an undisturbed training."""
        with self.place() as place:
            run = self.run(
                "train_dnsp", ["../inputs/head.nii", "--out", "run", "--prior", "NP", "--steps", "4", "--patch", "8", "--batch", "8"], place
            )
            if run.status != 0:
                raise RuntimeError(f"no weights: {run.stderr}")
            shutil.copy(place / "run/weights.safetensors", self.inputs / "net.safetensors")

    def why_no_trace(self):
        """Why no fault can be injected here, such as a container without ptrace; empty if they can."""
        with self.place() as place:
            try:
                run = self.run_traced("simulate", ["--version"], place)
            except RuntimeError as error:
                return str(error)
            return "" if run.status == 0 and run.trace["counts"].get("allocate") else run.stderr or "no allocation was counted"

    def place(self):
        """An empty folder for one run, beside the inputs; removed at the end of the with statement."""
        return Place(self.folder)

    def environment(self, place, more=None):
        # The memory of glibc's allocator is asked for at the same calls in every run.
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(place),
            "TMPDIR": str(place.parent / f"{place.name}.tmp"),
            "LANG": "C",
            "OMP_NUM_THREADS": "2",
            "OMP_WAIT_POLICY": "passive",
            **(more or {}),
        }

    def run(self, program, arguments, place, environment=None, limit=TIME_LIMIT, before=(), **options):
        """Runs a program of the build in the folder `place`."""
        words = [*map(str, before), str(self.bin / program), *map(str, arguments)]
        result = Result(command=" ".join([program, *map(str, arguments)]))
        process = subprocess.Popen(
            words,
            cwd=place,
            env=self.environment(place, environment),
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
        try:
            stdout, stderr = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            result.timed_out = True
        result.stdout, result.stderr = stdout or b"", (stderr or b"").decode(errors="replace")
        result.status = process.returncode if process.returncode >= 0 else None
        result.signal = -process.returncode if process.returncode < 0 else None
        return result

    def run_traced(self, program, arguments, place, kind="none", number=0, fault="0", limit=TIME_LIMIT):
        report = place.parent / f"{place.name}.json"
        environment = {"DNSP_FAULT_LIBRARY": str(self.library), "DNSP_FAULT_TRACE": "1"}
        if kind == "allocate":
            environment["DNSP_FAULT_ALLOCATION"] = f"{number}{'+' if fault.endswith('+') else ''}"
            kind = "none"
        result = self.run(program, arguments, place, environment, limit, before=[self.trace, report, kind, number, fault])
        if report.exists():
            result.trace = json.loads(report.read_text())
            report.unlink()
            result.status, result.signal = result.trace["status"], result.trace["signal"]
        if not result.timed_out and not result.trace:
            raise RuntimeError(f"{result.command}: the tracer failed: {result.stderr}")
        return result


class Place:
    def __init__(self, parent):
        self.parent = parent

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(dir=self.parent, prefix="run-"))
        self.tmp = self.path.parent / f"{self.path.name}.tmp"
        self.tmp.mkdir()
        return self.path

    def __exit__(self, *unused):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.rmtree(self.tmp, ignore_errors=True)


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def left_in_temporary_folder(place):
    return sorted(path.name for path in (place.parent / f"{place.name}.tmp").iterdir())


def clear_temporary_folder(place):
    """The system's folder of temporary files is cleared by the system."""
    folder = Path(f"{place}.tmp")
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


class Reference:
    """The files and the text of an undisturbed run."""

    def __init__(self, workshop, case):
        self.case = case
        files, texts, self.counts = [], [], {}
        for _ in range(2):
            with workshop.place() as place:
                run = workshop.run_traced(case.program, case.arguments, place)
                if run.status != 0:
                    raise RuntimeError(f"{run.command}: undisturbed, it {describe_end(run)}: {run.stderr}")
                files.append({name: content_of(name, data) for name, data in files_in(place).items()})
                texts.append(text_of(run.stdout))
                self.counts = run.trace["counts"]
        if files[0] != files[1] or texts[0] != texts[1]:
            differing = [name for name in files[0] if files[0][name] != files[1].get(name)]
            raise RuntimeError(f"{case.program} {case.name}: two undisturbed runs differ: {differing or texts}")
        self.files, self.text = files[0], texts[0]


def text_of(stdout):
    """Standard output without speeds."""
    return re.sub(rb"[0-9.]+ it/s", b"", stdout)


def is_sentence(text, program):
    """The last line of standard error names the program (or the library that ended it) and a reason."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    if any("terminate called" in line or "what():" in line for line in lines):
        return False
    return any(
        re.match(rf"({program}|libgomp|{re.escape('error while loading')}|cannot allocate memory).*[: ].+", line.strip()) for line in lines
    )


def is_hidden(name):
    return Path(name).name.startswith(".") and name.endswith(".part")


def unfinished_files(files, reference):
    """Names of files, not hidden ones, that are neither those of the undisturbed run nor a state that the program documents."""
    wrong = []
    for name, data in files.items():
        if is_hidden(name):
            continue
        try:
            if (name in reference.files and content_of(name, data) == reference.files[name]) or is_whole_before_the_end(name, data):
                continue
        except (ValueError, KeyError):
            pass
        wrong.append(name)
    return wrong


def difference_from(reference, place, allowed=()):
    """What distinguishes the folder from that of the undisturbed run: a sentence, empty if nothing does."""
    files = files_in(place)
    missing = sorted(set(reference.files) - set(files))
    more = sorted(set(files) - set(reference.files) - set(allowed))
    if missing:
        return f"lacks {', '.join(missing)}"
    if more:
        return f"stray file {', '.join(more)}"
    for name, data in files.items():
        try:
            if name in reference.files and content_of(name, data) != reference.files[name]:
                return f"{name} differs from that of the undisturbed run"
        except ValueError as error:
            return f"{name} is not whole: {error}"
    left = left_in_temporary_folder(place)
    return f"stray temporary file {', '.join(left)}" if left else ""


def describe_end(result):
    if result.timed_out:
        return "did not end"
    if result.signal is not None:
        return f"ended by {signal.Signals(result.signal).name}"
    return f"ended with status {result.status}"
