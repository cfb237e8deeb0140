"""train_dnsp under mpirun: the same bits with 1, 2 and 4 processes, resuming with another number, one log, one sentence for
an error, and the end of the job when a process is killed. Usage: mpi_contract.py BUILD [MPIRUN [DEVICE]]
On a CUDA device only the bits and resuming are tested: the rest does not depend on the device."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

build = Path(sys.argv[1])
train = build / "bin/train_dnsp"
mpirun = [sys.argv[2] if len(sys.argv) > 2 else "mpirun"]
device = sys.argv[3] if len(sys.argv) > 3 else "cpu"
if "Open MPI" in subprocess.run([*mpirun, "--version"], capture_output=True, text=True, check=True).stdout:
    mpirun.append("--oversubscribe")
environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1",
               "OMP_WAIT_POLICY": "passive", "OMPI_MCA_mpi_yield_when_idle": "1",
               "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}  # containers refuse to read the memory of processes


def run(processes, *arguments, check=True):
    command = [*(mpirun + ["-n", str(processes)] if processes else []), str(train), *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if check and result.returncode:
        sys.exit(f"{' '.join(command)}: status {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def expect(condition, text):
    if not condition:
        sys.exit(f"mpi_contract: {text}")


def processes_below(parent, name):
    """The process numbers of a program among the children of a process, their children, and so on."""
    found = []
    for child in map(int, subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()):
        if Path(f"/proc/{child}/comm").read_text().strip() == name:
            found.append(child)
        found += processes_below(child, name)
    return found


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    import nibabel
    import numpy

    x, y, z = numpy.mgrid[-1:1:40j, -1:1:44j, -1:1:40j]
    head = 500 * (x**2 + y**2 + z**2 / 4 < 0.8) * (1 + 0.3 * numpy.sin(9 * x) * numpy.cos(7 * y))
    nibabel.save(nibabel.Nifti1Image(head.astype(numpy.float32), numpy.eye(4)), folder / "head.nii.gz")
    options = [folder / "head.nii.gz", "--model", "edsr", "--depth", 1, "--width", 8, "--patch", 16,
               "--patches-per-slice", 4, "--device", device, "--slice-step", 2 if device == "cpu" else 16,
               *([] if device == "cpu" else ["--validation-slices", 1]), "--batch", 8, "--epochs", 3]

    results = {}
    for name, processes, more in (("alone", 0, ["--shards", 4]), ("1", 1, []), ("2", 2, []), ("4", 4, [])):
        out = folder / f"run{name}"
        said = run(processes, *options, "--out", out, *more)
        results[name] = (out / "weights.safetensors").read_bytes()
        log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        expect(len([1 for line in log if line["event"] == "start"]) == 1, f"{name}: not one log")
        expect(said.stdout.count("device: ") == 1, f"{name}: the text is not printed once:\n{said.stdout}")
        expect(processes < 2 or "gradients travel " in said.stdout, f"{name}: how do gradients travel?\n{said.stdout}")
    # Weights record the command, so their tensors are compared.
    from safetensors.numpy import load

    for name in ("1", "2", "4"):
        expected, got = load(results["alone"]), load(results[name])
        expect(expected.keys() == got.keys(), f"{name}: other tensors")
        expect(all((expected[key] == got[key]).all() for key in expected), f"{name} processes give other weights")

    out = folder / "resumed"
    run(2, *options[:-2], "--out", out, "--epochs", 1)
    run(4, "--resume", "--out", out, "--epochs", 3, "--device", device)
    resumed = load((out / "weights.safetensors").read_bytes())
    expect(all((expected[key] == resumed[key]).all() for key in expected), "a run resumed by 4 processes gives other weights")

    if device != "cpu":
        print("mpi_contract: all checks of a CUDA device passed")
        sys.exit()

    wrong = run(2, folder / "absent.nii.gz", "--out", folder / "none", check=False)
    expect(wrong.returncode != 0, "an absent file was accepted")
    expect(wrong.stderr.count("absent.nii.gz") == 1, f"the error is not one sentence:\n{wrong.stderr}")
    wrong = run(3, *options, "--out", folder / "none", check=False)
    expect("start a power of two of them" in wrong.stderr, f"three processes:\n{wrong.stderr}")
    wrong = run(2, *options, "--out", folder / "none", "--shards", 1, check=False)
    expect("2 processes cannot share one shard" in wrong.stderr, f"one shard:\n{wrong.stderr}")

    # Three processes, in the order of the library.
    run(3, *options[:-3], 12, *options[-2:], "--out", folder / "fast", "--reduce", "fast")
    log = [json.loads(line) for line in (folder / "fast/log.jsonl").read_text().splitlines()]
    expect((log[0]["settings"]["reduce"], log[0]["settings"]["shards"]) == ("fast", 3), "--reduce fast is not recorded")

    # The second process is killed. The job ends, and the checkpoint of the last epoch continues it.
    out = folder / "killed"
    job = subprocess.Popen([*mpirun, "-n", "2", str(train), *map(str, options[:-1]), "2000", "--out", str(out)],
                           env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while not (out / "checkpoint.safetensors").exists():
        expect(time.monotonic() < deadline and job.poll() is None, "the job wrote no checkpoint")
        time.sleep(0.1)
    ranks = processes_below(job.pid, "train_dnsp")
    expect(len(ranks) == 2, f"{len(ranks)} processes instead of 2")
    os.kill(ranks[1], signal.SIGKILL)
    text = job.communicate(timeout=60)[0]
    expect(job.returncode != 0, "the job did not end with an error")
    expect("signal 9" in text, f"the end is not explained:\n{text}")
    expect(not list(out.glob(".*")), f"stray files: {list(out.glob('.*'))}")
    step = max(json.loads(line).get("step", 0) for line in (out / "log.jsonl").read_text().splitlines()[:-1])
    run(1, "--resume", "--out", out, "--steps", step + 2)
print("mpi_contract: all checks passed")
