"""SIGKILL at random moments, again and again."""

import random
import subprocess
import time

from cases import TRAINING, Case, resume_or_force
from runs import Reference, clear_temporary_folder, difference_from, files_in, unfinished_files

KILLABLE = ("train_dnsp", "upscale")
CASES = {
    "train_dnsp": Case("training", "train_dnsp", ("../inputs/head.nii.gz", "--out", "run", *TRAINING), resume_or_force),
    "upscale": Case(
        "folder", "upscale", ("../inputs/scans", "results", "--weights", "../inputs/net.safetensors"), lambda folder: ["--skip-existing"]
    ),
}


def killed_after(workshop, program, arguments, place, delay):
    """Runs the program and kills it. True if it was still running."""
    process = subprocess.Popen(
        [workshop.bin / program, *arguments],
        cwd=place,
        env=workshop.environment(place),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, errors = process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    if process.returncode != 0:
        raise RuntimeError(f"status {process.returncode}: {errors.strip()}")
    return False


def kill_again_and_again(workshop, program, count, seed, say):
    """(passed, failed): of the kills, whether what they left was whole and the end was that of an undisturbed run."""
    case = CASES[program]
    reference = Reference(workshop, case)
    with workshop.place() as place:
        start = time.monotonic()
        workshop.run(program, case.arguments, place)
        duration = time.monotonic() - start
    chance = random.Random(seed)
    kills = runs = failed = 0
    while kills < count:
        with workshop.place() as place:
            problems, kills_here, ended = [], 0, False
            while not ended and kills + kills_here < count + 20:
                arguments = [*case.arguments, *case.again(place)]
                try:
                    ended = not killed_after(workshop, program, arguments, place, duration * chance.random())
                except RuntimeError as error:
                    problems.append(f"after {kills_here} kills: {error}")
                    break
                kills_here += not ended
                if wrong := unfinished_files(files_in(place), reference):
                    problems.append(f"after {kills_here} kills: {', '.join(wrong)} neither absent nor whole")
            if not ended and not problems:
                arguments = [*case.arguments, *case.again(place)]
                last = workshop.run(program, arguments, place)
                if last.status != 0:
                    problems.append(f"the run after {kills_here} kills: {last.stderr.strip()}")
            clear_temporary_folder(place)
            if not problems and (difference := difference_from(reference, place)):
                problems.append(f"after {kills_here} kills and the next run it {difference}")
        kills += kills_here
        runs += 1
        if problems:
            failed += kills_here
            say(
                f"FAILED: {program} {' '.join(case.arguments)}\n  fault: SIGKILL, {kills_here} times\n  seen: "
                + "\n  seen: ".join(problems)
            )
    say(f"{kills} kills in {runs} {'trainings' if program == 'train_dnsp' else 'jobs'}, seed {seed}")
    return kills - failed, failed
