"""Single disturbances: slow and read-only disks, clocks, locales, permissions, Ctrl-C and standard output."""

import dataclasses
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import cases_of, gzip, logged_steps, nifti
from runs import Reference, describe_end, difference_from, files_in, is_sentence, left_in_temporary_folder, unfinished_files

NOBODY = 65534
SECOND = 1.0  # until a program has to end after Ctrl-C
REFUSAL = 2.0  # seconds until an output that cannot be written is refused


class Failed(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


def require_same(reference, place, run):
    check(run.status == 0, f"{describe_end(run)}: {run.stderr.strip()[-300:]}")
    problem = difference_from(reference, place)
    check(not problem, f"it {problem}")


class Scenarios:
    """Each method whose name begins with `check_` is one scenario, for each case of the program."""

    def __init__(self, workshop, program):
        self.workshop, self.program = workshop, program
        self.references = [Reference(workshop, case) for case in cases_of(program, has_itk=False)]

    def run(self, case, place, **options):
        return self.workshop.run(case.program, case.arguments, place, **options)

    def check_slow_disk(self, reference):
        """Every write and flush takes 20 ms more."""
        with self.workshop.place() as place:
            run = self.workshop.run_traced(self.program, reference.case.arguments, place, "any", 1, "slow", limit=120)
            require_same(reference, place, run)

    def check_read_only_folder(self, reference):
        """An output in a folder that takes no files is refused before anything is computed."""
        user = {"user": NOBODY, "group": NOBODY} if os.getuid() == 0 and sys.version_info >= (3, 9) else {}
        check(user or os.getuid() != 0, "root can write to every folder; Python 3.9 is needed to become another user")
        with self.workshop.place() as place:
            for folder in (self.workshop.folder, place, place.parent / f"{place.name}.tmp"):
                folder.chmod(0o755)
            (place.parent / f"{place.name}.tmp").chmod(0o777)
            place.chmod(0o555)
            start = time.monotonic()
            run = self.run(reference.case, place, **user)
            seconds = time.monotonic() - start
            place.chmod(0o755)
            check(run.status == 1 and is_sentence(run.stderr, self.program), f"{describe_end(run)}: {run.stderr!r}")
            check("ermission denied" in run.stderr, f"no reason: {run.stderr!r}")
            check(seconds < REFUSAL, f"refused after {seconds:.1f} s")
            check(not run.stdout or b"dB" not in run.stdout, f"computed first: {run.stdout!r}")
            check(not files_in(place) and not left_in_temporary_folder(place), f"left {list(files_in(place))}")

    def check_other_file_system(self, reference):
        """The output lies on another file system than the temporary files."""
        shared = Path("/dev/shm")
        check(shared.is_dir() and shared.stat().st_dev != self.workshop.folder.stat().st_dev, "/dev/shm is no other file system")
        with tempfile.TemporaryDirectory(dir=shared) as folder, self.workshop.place() as place:
            run = self.run(reference.case, place, environment={"TMPDIR": folder})
            require_same(reference, place, run)
            check(not os.listdir(folder), f"left {os.listdir(folder)}")

    def check_clock_backwards(self, reference):
        """The clock of the day goes back a minute at every call."""
        self.disturbed_inside(reference, {"DNSP_FAULT_CLOCK": "backwards"})

    def check_decimal_comma(self, reference):
        """Numbers have a decimal comma: the locale of the environment, and that of the C library."""
        name = self.locale_with_comma()
        self.disturbed_inside(reference, {"LOCPATH": name[1], "LC_ALL": name[0], "DNSP_FAULT_LOCALE": name[0]})

    def disturbed_inside(self, reference, variables):
        with self.workshop.place() as place:
            run = self.run(reference.case, place, environment={"LD_PRELOAD": str(self.workshop.library), **variables})
            require_same(reference, place, run)

    def locale_with_comma(self):
        """(name, folder). Made by localedef, which Debian's package libc-bin has, of definitions of the package locales."""
        folder = self.workshop.folder / "locales"
        folder.mkdir(exist_ok=True)
        if not (folder / "comma.UTF-8").exists():
            source = folder / "comma"
            source.write_text(COMMA_LOCALE)
            subprocess.run(["localedef", "-c", "-i", source, "-f", "UTF-8", folder / "comma.UTF-8"], capture_output=True, check=False)
        found = subprocess.run(
            [
                sys.executable,
                "-c",
                "import locale; locale.setlocale(locale.LC_ALL, 'comma.UTF-8'); print(locale.localeconv()['decimal_point'])",
            ],
            env={**os.environ, "LOCPATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        check(found.stdout.strip() == ",", f"no locale with a decimal comma can be made: {found.stderr}")
        return "comma.UTF-8", str(folder)

    def check_permissions(self, reference):
        """Files and folders get the permissions of the umask."""
        for mask in (0o077, 0o000, 0o027):
            with self.workshop.place() as place:
                run = self.run(reference.case, place, before=["/bin/sh", "-c", f'umask {mask:03o}; exec "$@"', "sh"])
                require_same(reference, place, run)
                for path in place.rglob("*"):
                    expected = (0o777 if path.is_dir() else 0o666) & ~mask
                    found = stat.S_IMODE(path.stat().st_mode)
                    check(found == expected, f"umask {mask:03o}: {path.name} has {found:03o}, expected {expected:03o}")

    def check_closed_standard_output(self, reference):
        self.lost_text(reference, ">&-")

    def check_full_standard_output(self, reference):
        self.lost_text(reference, ">/dev/full")

    def check_closed_standard_streams(self, reference):
        self.lost_text(reference, ">&- 2>&- <&-", has_sentence=False)

    def check_full_standard_error(self, reference):
        self.lost_text(reference, "2>/dev/full", has_sentence=False)

    def lost_text(self, reference, redirection, has_sentence=True):
        """Text is lost: the files are written all the same, and the status tells it."""
        with self.workshop.place() as place:
            run = self.workshop.run(
                self.program, reference.case.arguments, place, before=["/bin/sh", "-c", f'exec "$@" {redirection}', "sh"]
            )
            problem = difference_from(reference, place)
            check(run.signal is None and not problem, f"{describe_end(run)}, and it {problem}")
            said = bool(reference.text) if ">&-" in redirection or "/dev/full" in redirection else False
            if has_sentence and said:
                check(
                    run.status == 1 and "standard output: cannot be written" in run.stderr,
                    f"{describe_end(run)}: {run.stderr.strip()[-200:]!r}",
                )

    def check_broken_pipe(self, reference):
        """`| head -1`: the reader goes away after a line, or at once."""
        for reader in ("head -n 1", "true"):
            with self.workshop.place() as place:
                program = self.workshop.bin / self.program
                words = " ".join(f"'{word}'" for word in (program, *reference.case.arguments))
                shell = subprocess.run(
                    ["bash", "-c", f"{words} | {reader} >/dev/null; exit ${{PIPESTATUS[0]}}"],
                    cwd=place,
                    env=self.workshop.environment(place),
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                problem = difference_from(reference, place)
                check(
                    shell.returncode in (0, 1) and not problem, f"| {reader}: status {shell.returncode}, and it {problem}: {shell.stderr}"
                )

    def check_interruption(self, reference):
        """Ctrl-C ends the program within a second in every phase, and the next run gives the same bits."""
        case = large_case(reference.case)
        whole = Reference(self.workshop, case) if case is not reference.case else reference
        with self.workshop.place() as place:
            start = time.monotonic()
            run = self.run(case, place)
            duration = time.monotonic() - start
            check(run.status == 0, run.stderr)
        for moment in range(16):
            with self.workshop.place() as place:
                seconds, status, errors = self.interrupt(case, place, duration * (moment + 0.5) / 16)
                where = f"after {moment + 0.5:.1f} sixteenths of {duration:.2f} s"
                check(seconds < SECOND, f"Ctrl-C {where}: ended after {seconds:.2f} s")
                check(status in (0, 130, -signal.SIGINT), f"Ctrl-C {where}: status {status}: {errors}")
                wrong = unfinished_files(files_in(place), whole)
                check(not wrong, f"Ctrl-C {where}: left {wrong}")
                hidden = [name for name in files_in(place) if name.endswith(".part")]
                check(
                    not hidden and not left_in_temporary_folder(place), f"Ctrl-C {where}: left {hidden} {left_in_temporary_folder(place)}"
                )
                again = self.workshop.run(case.program, [*case.arguments, *case.again(place)], place)
                check(again.status == 0, f"the run after Ctrl-C {where}: {again.stderr}")
                self.require_same_result(whole, place, where)

    def require_same_result(self, reference, place, where):
        # An epoch whose validation was interrupted is scored by the resumed run, in another line of the log.
        files = files_in(place)
        for name in reference.files:
            check(name in files, f"Ctrl-C {where}: no {name} after the next run")
        kept = {name: data for name, data in reference.files.items() if not name.endswith("log.jsonl")}
        steps = [line for line in reference.files.get("run/log.jsonl", []) if line["event"] == "step"]
        found = [line for line in logged_steps(files.get("run/log.jsonl", b"")) if line["event"] == "step"]
        check(steps == found, f"Ctrl-C {where}: the log has other steps")
        trimmed = type("Trimmed", (), {"files": kept})()
        problem = difference_from(trimmed, place, allowed=["run/log.jsonl"])
        check(not problem, f"Ctrl-C {where}: the next run {problem}")

    def interrupt(self, case, place, delay):
        process = subprocess.Popen(
            [self.workshop.bin / self.program, *case.arguments],
            cwd=place,
            stdin=subprocess.DEVNULL,
            env=self.workshop.environment(place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(delay)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
        return time.monotonic() - start, process.returncode, errors

    def check_two_at_once(self, reference):
        """Of two trainings in one folder at once, one is refused, and the other is not disturbed."""
        if self.program != "train_dnsp":
            return self.two_results_at_once(reference)
        with self.workshop.place() as place:
            words = [self.workshop.bin / self.program, *reference.case.arguments, "--force"]
            environment = self.workshop.environment(place)
            pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
            both = [subprocess.Popen(words, cwd=place, env=environment, **pipes) for _ in range(2)]
            ends = [(process.communicate(timeout=60)[1], process.returncode) for process in both]
            check(sorted(code for _, code in ends) == [0, 1], f"statuses {[code for _, code in ends]}")
            check(any("another process trains in this folder" in text for text, _ in ends), f"{ends}")
            problem = difference_from(reference, place)
            check(not problem, f"it {problem}")
        return None

    def two_results_at_once(self, reference):
        """Two processes that write the same files leave them whole."""
        with self.workshop.place() as place:
            words = [self.workshop.bin / self.program, *reference.case.arguments, *reference.case.again(place)]
            environment = self.workshop.environment(place)
            both = [
                subprocess.Popen(words, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for _ in range(2)
            ]
            ends = [(process.communicate(timeout=60)[1], process.returncode) for process in both]
            check(all(code in (0, 1) for _, code in ends) and any(code == 0 for _, code in ends), f"{ends}")
            problem = difference_from(reference, place)
            check(not problem, f"it {problem}")


COMMA_LOCALE = """comment_char %
escape_char /
LC_CTYPE
copy "POSIX"
END LC_CTYPE
LC_COLLATE
copy "POSIX"
END LC_COLLATE
LC_MONETARY
copy "POSIX"
END LC_MONETARY
LC_NUMERIC
decimal_point ","
thousands_sep "."
grouping 3;3
END LC_NUMERIC
LC_TIME
copy "POSIX"
END LC_TIME
LC_MESSAGES
copy "POSIX"
END LC_MESSAGES
LC_PAPER
copy "POSIX"
END LC_PAPER
LC_NAME
copy "POSIX"
END LC_NAME
LC_ADDRESS
copy "POSIX"
END LC_ADDRESS
LC_TELEPHONE
copy "POSIX"
END LC_TELEPHONE
LC_MEASUREMENT
copy "POSIX"
END LC_MEASUREMENT
LC_IDENTIFICATION
copy "POSIX"
END LC_IDENTIFICATION
"""


def large_case(case):
    """The case with an input that takes about a second or more."""
    large = {"../inputs/head.nii.gz": "../inputs/large.nii.gz", "../inputs/head.nii": "../inputs/large.nii"}
    if case.program in ("train_dnsp",):
        arguments = tuple(
            "40" if word == "2" and case.arguments[i - 1] in ("--epochs", "--steps") else word for i, word in enumerate(case.arguments)
        )
        return dataclasses.replace(case, arguments=arguments)
    return dataclasses.replace(case, arguments=tuple(large.get(word, word) for word in case.arguments))


def run_scenarios(workshop, program, name, say):
    """(passed, failed) of all scenarios whose name contains `name`."""
    large = nifti((96, 96, 60), seed=9)
    (workshop.inputs / "large.nii").write_bytes(large)
    (workshop.inputs / "large.nii.gz").write_bytes(gzip(large))
    scenarios = Scenarios(workshop, program)
    passed = failed = 0
    for method in sorted(method for method in dir(scenarios) if method.startswith("check_") and name in method):
        for reference in scenarios.references:
            title = f"{program} {reference.case.name}: {method[6:].replace('_', ' ')}"
            try:
                getattr(scenarios, method)(reference)
                passed += 1
                say(f"passed {title}")
            except Failed as reason:
                failed += 1
                say(f"FAILED {title}\n  command: {program} {' '.join(map(str, reference.case.arguments))}\n  seen: {reason}")
    return passed, failed
