"""Tests the interface of scripts/bench on one device: bench_contract.py BENCHMARK_ROWS cpu|cuda

The sizes are small enough for the CUDA emulator; PyTorch is left out.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

engine, device = sys.argv[1:]
bench = Path(__file__).resolve().parents[2] / "scripts/bench"

SMALL_ROWS = [
    {"kind": "low_rank", "batch": 3, "side": 9},
    {"kind": "low_rank", "batch": 3, "side": 9, "method": "svd"},
    *({"kind": "convolution", "pass": which, "batch": 1, "height": 5, "width": 6, "in": channels, "out": channels}
      for channels in (16, 64)
      for which in ("forward", "backward_input", "backward_weight")),
    {"kind": "step", "model": "srcnn", "batch": 2, "patch": 12},
    {"kind": "step", "model": "edsr", "depth": 1, "width": 8, "batch": 2, "patch": 12},
    {"kind": "upscale", "model": "edsr", "depth": 1, "width": 8, "height": 9, "columns": 8, "slices": 2},
    {"kind": "copy", "bytes": 4096},
    {"kind": "gemm", "side": 16},
    {"kind": "gemm", "side": 16, "type": "float64"},
]


def check_requests(precision):
    with tempfile.TemporaryDirectory() as folder:
        requests = []
        for row in SMALL_ROWS:
            requests += [{"do": "prepare", "row": row, "folder": folder}, {"do": "time", "runs": 2}, {"do": "memory"}]
        requests += [{"do": "sing"}, {"do": "prepare", "row": {"kind": "no such kind"}, "folder": folder}, {"do": "machine"}]
        run = subprocess.run([engine, device, precision], input="\n".join(map(json.dumps, requests)), capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        replies = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(replies) == len(requests)
    for i, row in enumerate(SMALL_ROWS):
        cost, times, memory = replies[3 * i: 3 * i + 3]
        assert cost.get("flops", 0) + cost.get("bytes", 0) > 0, (row, cost)
        assert len(times["seconds"]) == 2 and min(times["seconds"]) > 0, (row, times)
        assert memory["bytes"] >= 0, (row, memory)
    assert "sing" in replies[-3]["error"] and "no such kind" in replies[-2]["error"]
    assert replies[-1]["threads"] > 0


def check_report():
    names = "low_rank_64x40x40,step_srcnn_ap"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        run = subprocess.run([bench, "--device", "cpu", "--quick", "--no-pytorch", "--engine", engine, "--rows", names,
                              "--json", out], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        report = json.loads(out.read_text())
        assert out.with_suffix(".md").read_text().count("| step_srcnn_ap |") == 1
    assert [r["name"] for r in report["rows"]] == names.split(",")
    for row in report["rows"]:
        for field in ("device", "dtype", "ours_ms", "ours_spread", "pytorch_ms", "pytorch_mode", "ratio", "share_of_limit",
                      "max_rel_error"):
            assert field in row, (row, field)
        assert row["ours_ms"] > 0 and row["share_of_limit"] > 0 and row["pytorch_ms"] is None
    assert report["limits"]["copy"] > 0 and report["limits"]["gemm_float32"] > 0 and report["machine"]["cores"] > 0


def check_wrong_calls():
    for arguments, sentence in ((["--rows", "no_such_row"], "no_such_row"), (["--engine", "/nowhere"], "/nowhere")):
        run = subprocess.run([bench, "--no-pytorch", *arguments], capture_output=True, text=True)
        assert run.returncode != 0 and sentence in run.stderr and "Traceback" not in run.stderr, run.stderr


for precision in ("float32", "bfloat16") if device == "cuda" else ("float32",):
    check_requests(precision)
if device == "cpu":
    check_report()
    check_wrong_calls()
