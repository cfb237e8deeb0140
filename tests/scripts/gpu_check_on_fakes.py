"""Tests how scripts/gpu_check handles failures. Small scripts replace the GPU and the programs that it runs."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]

NVIDIA_SMI = """#!/bin/sh
case "$1" in --query*) echo "Fake GPU 1, 570.1, 81559 MiB, 9.0" ;; *) echo "| CUDA Version: 13.0 |" ;; esac
"""

# The parts of Catch2 that gpu_check uses. The name of a case determines its behaviour.
TEST_PROGRAM = r"""#!/usr/bin/env python3
import os, signal, sys, time
names = {names}
if "--list-test-names-only" in sys.argv:
    print("\n".join(names))
    sys.exit(len(names))
name = open(sys.argv[sys.argv.index("-f") + 1]).read().replace("\\", "").strip()
assert name in names, name
out = open(sys.argv[sys.argv.index("-o") + 1], "w")
out.write('<Catch><Group><TestCase name="n">')
out.flush()
if "hangs" in name:
    time.sleep(1000)
if "crashes" in name:
    os.kill(os.getpid(), signal.SIGSEGV)
success, inner, beside = "true", "", os.path.join(os.path.dirname(sys.argv[0]), "beside")
if "fails" in name or "alone" in name and not os.path.exists(beside):
    success = "false"
    out.write("<Expression><Original>1 == device</Original><Expanded>1 == 2 &lt; 3</Expanded></Expression>")
    if "alone" in name:
        open(beside, "w")
if "skips" in name:
    inner = "<StdOut>\nSKIPPED: no such device\n</StdOut>"
out.write(f'<OverallResult success="{{success}}" durationInSeconds="0.25">{{inner}}</OverallResult></TestCase></Group></Catch>')
sys.exit(success != "true")
"""

BENCHMARKS = r"""#!/usr/bin/env python3
import json, re, sys
names = ["cuda/conv2d/layer/forward/native_tf32/manual_time", "cuda/conv2d/layer/forward/cudnn_tf32/manual_time", "cuda/relu/manual_time"]
names += ["cuda/conv2d/layer/forward/ours_stored_bfloat16/manual_time", "cuda/conv2d/other/forward/native_tf32/manual_time"]
if "--benchmark_list_tests" in sys.argv:
    print("\n".join(names + ["cpu/relu/real_time"]))
    sys.exit()
option = dict(a.split("=", 1) for a in sys.argv[1:])
wanted = re.compile(option["--benchmark_filter"])
figures = []
for name in names:
    if wanted.search(name):
        figure = {"name": name, "real_time": 12.5, "FLOP/s": 6.5e14, "B/s": 2e12, "share_of_copy": 0.75}
        figures.append({"name": name, "error_message": "cuDNN is not there"} if "cudnn" in name else figure)
json.dump({"benchmarks": figures}, open(option["--benchmark_out"], "w"))
"""

TRAIN = r"""#!/usr/bin/env python3
import json, os, sys
assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
out = sys.argv[sys.argv.index("--out") + 1]
os.makedirs(out)
with open(out + "/log.jsonl", "w") as log:
    for event in ({"event": "step", "step": 40}, {"event": "epoch", "seconds": 2.0, "psnr_db": 31.25}):
        log.write(json.dumps(event) + "\n")
print("trained")
"""

SANITIZER = """#!/bin/sh
# --tool TOOL --error-exitcode 99 --log-file LOG [--report-api-errors no] program -f FILTER
for filter; do :; done
if [ "$2" = synccheck ] && grep -q wgmma "$filter"; then echo "========= SYNCCHECK SUMMARY: 1 error" >"$6"; exit 99; fi
if [ "$7" = --report-api-errors ] && ! {{ [ "$2" = memcheck ] && grep -q cuDNN "$filter"; }}; then exit 98; fi
if [ "$2" = memcheck ] && grep -q cuDNN "$filter" && [ "$7" != --report-api-errors ]; then exit 98; fi
if [ "$2" = {bad} ]; then echo "========= RACECHECK SUMMARY: 2 hazards displayed (2 errors, 0 warnings)" >"$6"; exit 99; fi
echo "========= ERROR SUMMARY: 0 errors" >"$6"
"""


def fake_bundle(folder, kernels, bad_tool="none"):
    """The layout of scripts/gpu_bundle."""
    for name in ("bin", "lib", "data", "path"):
        (folder / name).mkdir()
    (folder / "COMMIT").write_text("0123456789\n")
    (folder / "BUILT").write_text("by nobody\n")
    (folder / "data/ch2.nii.gz").touch()
    shutil.copytree(SOURCE / "scripts", folder / "scripts")
    shutil.copytree(SOURCE / "benchmarks", folder / "benchmarks")
    programs = {"path/nvidia-smi": NVIDIA_SMI, "path/compute-sanitizer": SANITIZER.format(bad=bad_tool),
                "bin/benchmark_kernels": BENCHMARKS, "bin/train_dnsp": TRAIN,
                "bin/test_kernels": TEST_PROGRAM.format(names=kernels)}
    for room in ("kernels_cuda", "engine", "layers", "priors", "models", "inference", "training", "imaging", "tools"):
        programs[f"bin/test_{room}"] = TEST_PROGRAM.format(names=[f"{room} works"])
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def start(folder, *arguments):
    path = f"{folder / 'path'}:{os.environ['PATH']}"
    return subprocess.Popen([sys.executable, folder / "scripts/gpu_check", "--report", folder / "r.md", *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PATH": path})


def check(arguments, status, told, reported, kernels, **options):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake_bundle(folder, kernels, **options)
        process = start(folder, *arguments)
        output = process.communicate()[0]
        report = (folder / "r.md").read_text()
    assert process.returncode == status, output
    for wanted, text in ((told, output), (reported, report)):
        for sentence in wanted:
            assert sentence in text, f"'{sentence}' is not in:\n{text}"


def words_of(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it has ended meanwhile
        return ""


GOOD = ["adds", "adds [1, 2]", "skips"]

check([], 0, kernels=GOOD,
      told=["test_kernels on cuda: 2 passed, 1 skipped", "test_kernels_cuda on cuda: 1 passed",
            "test_kernels on cpu: 2 passed, 1 skipped", "test_engine on cuda: 1 passed",
            "test_imaging on cpu: 1 passed", "5 figures", "edsr_bfloat16: trained", "gpu_check: passed"],
      reported=["| verdict | passed |", "Fake GPU 1, compute capability 9.0", "| layer | forward | 12.5 (650) | – | 12.5 (650) |",
                "| relu | 12.5 | 650 | 2000 | 0.75 |", "not run: cuDNN is not there", "| 40 | 2.00 | 20 | 31.25 |",
                "| initcheck | passed | 3 | 3 |", "skips**: `no such device`", "| adds [1, 2] | passed | 0.250 |"])

check(["--case-seconds", "6", "--only", "sanitizers"], 1,
      kernels=["adds", "hangs", "crashes", "fails", "works alone"], bad_tool="racecheck",
      told=["test_kernels on cuda: 2 passed, 3 failed", "memcheck: passed, 3 of 3 cases", "racecheck: failed", "gpu_check: FAILED"],
      reported=["**failed**: 3 test cases failed; compute-sanitizer racecheck: RACECHECK SUMMARY: 2 hazards",
                "hangs**: `did not end within 6 s", "crashes**: `ended by signal 11", "1 == device ⏎ 1 == 2 < 3",
                "works alone** passed alone", "not asked for: tests, benchmarks, training, cpu"])

# What the sanitizers report for wgmma does not fail the check. Library cases are checked without errors of API calls.
check(["--only", "sanitizers"], 0, kernels=["adds", "adds by wgmma", "scales by wgmma", "adds by cuDNN"],
      told=["memcheck: passed, 3 of 3 cases", "memcheck, wgmma: passed, 2 of 2 cases", "racecheck: passed, 2 of 2 cases",
            "synccheck: passed", "synccheck, wgmma: 2 cases reported, 2 of 2 cases", "gpu_check: passed"],
      reported=["| synccheck, wgmma | 2 cases reported | 2 | 2 |", "- scales by wgmma: SYNCCHECK SUMMARY: 1 error"])

# Once a kernel by wgmma hangs, nothing else that runs such kernels is started, and no other result is lost.
check(["--case-seconds", "6", "--only", "benchmarks,training"], 1,
      kernels=["hangs in wgmma", "adds by wgmma", "stored as bfloat16", "adds"],
      told=["test_kernels on cuda: 1 passed, 1 failed, 2 not run", "4 figures", "edsr: trained",
            "edsr_bfloat16: not run: 'hangs in wgmma' did not end"],
      reported=["2 test cases were not run", "hangs in wgmma**: `did not end within 6 s",
                "benchmark cuda/conv2d/[^/]+/forward/ours_stored_bfloat16: not run: 'hangs in wgmma' did not end",
                "adds by wgmma**: `not run: 'hangs in wgmma' did not end`", "| layer | forward | 12.5 (650) | – |"])

check(["--minutes", "0.0001"], 1, kernels=GOOD, told=["gpu_check: FAILED"], reported=["time was over"])

# The report contains the results from before the kill, and no process stays, also if it has just been started.
for delay in (0.004, 0.008, 0.016, 0.5):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake_bundle(folder, GOOD)
        (folder / "bin/test_models").write_text(TEST_PROGRAM.format(names=["hangs here"]))
        process = start(folder)
        while "test_priors" not in (line := process.stdout.readline()):
            assert line
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        left = [words for words in map(words_of, Path("/proc").glob("[0-9]*")) if str(folder / "bin") in words]
        assert not left, (delay, left)
        report = (folder / "r.md").read_text()
        assert not list(folder.glob(".*.part")), delay
    assert "did not get to its end" in report, report
    assert delay < 0.5 or "| test_priors | cuda | 1 |" in report, report

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    fake_bundle(folder, GOOD)
    (folder / "path/nvidia-smi").write_text("#!/bin/sh\necho No devices were found\nexit 6\n")
    process = start(folder)
    assert "no GPU to check on: nvidia-smi says: No devices were found" in process.communicate()[0]
    assert process.returncode == 1
