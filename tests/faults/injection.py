"""A fault at every system call and every allocation of a program."""

import errno
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from runs import (
    Reference,
    clear_temporary_folder,
    describe_end,
    difference_from,
    files_in,
    is_hidden,
    is_sentence,
    left_in_temporary_folder,
    text_of,
    unfinished_files,
)

# For each kind of call: what it can fail with. "+": and every later call of the kind, as on a full disk.
FAULTS = {
    "write": ["ENOSPC+", "EIO", "EINTR", "short", "kill"],
    "copy": ["ENOSPC+", "EIO", "EINTR", "short", "kill"],
    "read": ["EIO", "EINTR", "short"],
    "open": ["EMFILE", "EACCES", "ENOSPC", "EINTR", "ENOMEM"],
    "close": ["EIO", "EINTR"],
    "seek": ["EIO"],
    "sync": ["EIO", "ENOSPC", "EINTR", "kill"],
    "truncate": ["EIO", "EINTR"],
    "stat": ["EIO", "EACCES", "ENOMEM"],
    "list": ["EIO", "ENOMEM"],
    "rename": ["EIO", "ENOSPC", "EACCES", "kill"],
    "link": ["EIO"],
    "unlink": ["EIO", "kill"],
    "mkdir": ["ENOSPC", "EACCES", "EIO", "kill"],
    "chmod": ["EIO"],
    "lock": ["ENOLCK", "EINTR", "EIO"],
    "map": ["ENOMEM", "ENOMEM+"],
    "thread": ["EAGAIN", "EAGAIN+", "ENOMEM"],
    "pipe": ["EMFILE"],
    "wait": ["EINTR"],
    "allocate": ["ENOMEM", "ENOMEM+"],
}
# After these the output must be right.
RETRIED = {
    ("write", "EINTR"),
    ("write", "short"),
    ("read", "EINTR"),
    ("read", "short"),
    ("copy", "EINTR"),
    ("copy", "short"),
    ("sync", "EINTR"),
    ("close", "EINTR"),
    ("lock", "EINTR"),
    ("wait", "EINTR"),
}


@dataclass(frozen=True)
class Fault:
    case: object
    kind: str
    number: int
    fault: str

    def code(self):
        name = self.fault.rstrip("+")
        return str(getattr(errno, name)) + self.fault[len(name) :] if hasattr(errno, name) else self.fault

    def __str__(self):
        return f"{self.fault} at {self.kind} {self.number}"


def plan(references, count, seed):
    """All faults, or a sample of `count` that has as many of each case, kind and fault as possible."""
    groups = {}
    for reference in references:
        for kind, faults in FAULTS.items():
            for fault in faults:
                numbers = range(1, reference.counts.get(kind, 0) + 1)
                groups[reference.case.name, kind, fault] = [Fault(reference.case, kind, n, fault) for n in numbers]
    everything = [fault for group in groups.values() for fault in group]
    if count is None or len(everything) <= count:
        return everything, len(everything)
    chance = random.Random(seed)
    for group in groups.values():
        chance.shuffle(group)
    chosen, turn = [], 0
    while len(chosen) < count:
        remaining = [group[turn] for group in groups.values() if turn < len(group)]
        chance.shuffle(remaining)
        chosen += remaining[: count - len(chosen)]
        turn += 1
    return chosen, len(everything)


@dataclass
class Verdict:
    command: str
    fault: str
    failures: list
    outcome: str
    kind: str


def problems_of(run, fault, reference, place, killed):
    """What a run with a fault did wrong."""
    call = run.trace.get("call", "")
    of_standard_stream = call.split(" ")[1:2] if fault.kind == "write" else []
    # Standard error cannot say that it cannot be written; on a full disk it may be a file there.
    mute = of_standard_stream == ["2"] or (fault.kind == "write" and fault.fault.endswith("+"))
    said = run.stderr.strip()[-300:]
    # What cannot be removed stays, and a warning says so.
    told = fault.kind in ("unlink", "list", "open", "stat") and "cannot be removed" in run.stderr
    # Removing a folder takes memory.
    no_memory = fault.fault == "ENOMEM+" and run.status != 0
    problems = []
    if run.timed_out:
        return ["the run did not end"]
    if killed:
        pass
    elif run.signal is not None:
        problems.append(f"{describe_end(run)}: {said}")
    elif run.status == 0:
        difference = difference_from(reference, place)
        if difference and not (told and difference.startswith("stray")):
            problems.append(f"status 0, but it {difference}; it said: {said}")
        if of_standard_stream != ["2"] and text_of(run.stdout) != reference.text:
            problems.append(f"status 0, but standard output differs: {run.stdout[-300:]!r}")
    else:
        if (fault.kind, fault.fault) in RETRIED:
            problems.append(f"was not retried: {describe_end(run)}: {said}")
        if not (mute or is_sentence(run.stderr, fault.case.program)):
            problems.append(f"{describe_end(run)} without a sentence: {said!r}")
    if wrong := unfinished_files(files_in(place), reference):
        problems.append(f"{describe_end(run)}, and left {', '.join(wrong)} neither absent nor whole")
    left = [] if killed or told or no_memory else left_in_temporary_folder(place)
    left += [name for name in files_in(place) if is_hidden(name) and not (killed or told)]
    if left and run.status != 0:
        problems.append(f"{describe_end(run)}, and left {', '.join(left)}")
    return problems


def inject(workshop, reference, fault):
    """Runs with one fault, then once more without."""
    case = fault.case
    with workshop.place() as place:
        run = workshop.run_traced(case.program, case.arguments, place, fault.kind, fault.number, fault.code())
        injected = run.trace.get("injected", 0)
        killed = fault.fault == "kill" and injected
        outcome = "killed" if killed else "harmless" if run.status == 0 else "refused"
        if not injected and not run.timed_out:
            outcome = "not reached"
        problems = problems_of(run, fault, reference, place, killed)
        # Temporary folders have random names, so the next run does not know them.
        clear_temporary_folder(place)
        more = case.again(place)
        again = workshop.run(case.program, [*case.arguments, *more], place)
        if again.status != 0:
            problems.append(f"the next run ({' '.join(more)}): {describe_end(again)}: {again.stderr.strip()[-200:]}")
        elif difference := difference_from(reference, place):
            problems.append(f"after the next run ({' '.join(more)}) it {difference}")
    return Verdict(run.command, f"{fault} ({run.trace.get('call', '')})", problems, outcome, f"{fault.kind} {fault.fault}")


def inject_all(workshop, cases, count, seed, jobs, say):
    """Runs the planned faults and returns their verdicts."""
    references = {}
    for case in cases:
        references[case.name] = Reference(workshop, case)
        counts = references[case.name].counts
        say(f"{case.program} {case.name}: " + ", ".join(f"{counts[k]} {k}" for k in FAULTS if counts.get(k)))
    chosen, total = plan(list(references.values()), count, seed)
    say(f"{len(chosen)} of {total} faults" + (f", seed {seed}" if len(chosen) < total else ""))
    verdicts = []
    with ThreadPoolExecutor(jobs) as pool:
        for verdict in pool.map(lambda fault: inject(workshop, references[fault.case.name], fault), chosen):
            verdicts.append(verdict)
            if verdict.failures:
                say(f"FAILED: {verdict.command}\n  fault: {verdict.fault}\n  seen: " + "\n  seen: ".join(verdict.failures))
    table = {}
    for verdict in verdicts:
        table.setdefault(verdict.kind, Counter())[verdict.outcome] += 1
    say("\n| fault | runs | refused | harmless or retried | killed | not reached |\n|---|---|---|---|---|---|")
    for kind, outcomes in table.items():
        say(
            f"| {kind} | {sum(outcomes.values())} | "
            + " | ".join(str(outcomes[o]) for o in ("refused", "harmless", "killed", "not reached"))
            + " |"
        )
    return verdicts
