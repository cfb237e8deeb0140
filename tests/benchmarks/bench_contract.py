"""Tests the interface of scripts/bench on one device: bench_contract.py BENCHMARK_ROWS cpu|cuda [PYTHON]

The sizes are small enough for the CUDA emulator; PyTorch is left out. ONNX Runtime is timed if PYTHON has it and
export_onnx lies beside BENCHMARK_ROWS.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

engine, device, python = [*sys.argv[1:], None][:3]
root = Path(__file__).resolve().parents[2]
bench = root / "scripts/bench"
sys.path.insert(0, str(root / "benchmarks"))
from bench_network import weights_bytes  # noqa: E402, from the folder above
from bench_peers import has_bfloat16, parse_peers  # noqa: E402
from bench_report import best_peer, markdown  # noqa: E402
from bench_volume import run, volume_bytes  # noqa: E402

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
    assert replies[-1]["threads"] > 0 and replies[-1]["precision"] == precision


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


def check_volume():
    """upscale alone on volumes, from file to file."""
    bytes_of_one = volume_bytes([3, 4, 2])
    assert len(bytes_of_one) == 352 + 4 * 24 and bytes_of_one == volume_bytes([3, 4, 2])
    assert struct.unpack_from("<f", volume_bytes([3, 4, 2], 4), 88) == (4,)
    if not Path(engine).with_name("upscale").exists():
        print("NOT TESTED: the rows of volumes, because upscale is not built")
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        names = ["volume_srcnn", "volume_through_plane_srcnn"]
        run = subprocess.run([bench, "--quick", "--no-pytorch", "--engine", engine, "--rows", ",".join(names), "--json", out],
                             capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        rows = json.loads(out.read_text())["rows"]
    assert [row["name"] for row in rows] == names, rows
    for row in rows:
        assert row["ours_ms"] > 0 and row["ours_mib"] > 0 and row["peers"] == {} and row["best_peer"] is None, row


def check_peak_memory():
    """The peak of a process is its own, not that of the process that starts it."""
    held = bytearray(b"x") * (200 << 20)
    assert run("true", ["true"], "")[1] < 100, "the peak of a small process"
    grown = run("python3", [sys.executable, "-c", "x = bytearray(b'x') * (150 << 20)"], "")[1]
    assert 150 < grown < 200, grown
    del held


def check_peers():
    names = lambda text: [peer.name for peer in parse_peers(text, "cpu")]
    assert names(None) == ["pytorch"]
    assert names("openvino,pytorch") == ["pytorch", "openvino", "openvino_bfloat16"]
    assert has_bfloat16(["avx2", "amx_bf16"]) and has_bfloat16(["avx512_bf16"]) and not has_bfloat16(["avx2"])

    # The fastest peer is one of the row's own dtype.
    row = {"dtype": "float32", "ours_ms": 2.0, "peers": {"onnxruntime": 8.0, "openvino": 6.0, "openvino_bfloat16": 1.0}}
    dtypes = {"onnxruntime": "float32", "openvino": "float32", "openvino_bfloat16": "bfloat16"}
    assert best_peer(row, dtypes) == {"best_peer": "openvino", "ratio_best_peer": 3.0}
    assert best_peer({**row, "dtype": "bfloat16"}, dtypes) == {"best_peer": "openvino_bfloat16", "ratio_best_peer": 0.5}
    assert best_peer({**row, "peers": {}}, {}) == {"best_peer": None, "ratio_best_peer": None}


def check_weights():
    """inputs.safetensors as a weights file: the input left out, the tensors renamed, the data kept."""
    entry = lambda begin, end: {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}
    header = json.dumps({"input": entry(0, 8), "b": entry(8, 16), "a": entry(16, 20)}).encode()
    data = bytes(range(20))
    out = weights_bytes(len(header).to_bytes(8, "little") + header + data, {"kind": "upscale", "model": "edsr", "depth": 2})
    length = int.from_bytes(out[:8], "little")
    got = json.loads(out[8:8 + length])
    settings = json.loads(got.pop("__metadata__")["dnsp.settings"])
    assert settings["model"] == {"name": "edsr", "depth": 2}, settings
    begin, end = got["model.b"]["data_offsets"]
    assert set(got) == {"model.a", "model.b"} and out[8 + length:][begin:end] == data[8:16], got


def check_onnx_runtime():
    """A row with a peer that reads ONNX; skipped where there is none."""
    installed = python and subprocess.run([python, "-c", "import numpy, onnxruntime"], capture_output=True).returncode == 0
    if not installed or not Path(engine).with_name("export_onnx").exists():
        print("NOT TESTED: ONNX Runtime, which is not installed, or export_onnx, which is not built")
        return
    name = "upscale_srcnn_slice"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        run = subprocess.run([bench, "--quick", "--peers", "onnxruntime", "--engine", engine, "--rows", name, "--json", out],
                             capture_output=True, text=True, env={**os.environ, "DNSP_BENCH_PYTHON": python})
        assert run.returncode == 0, run.stderr
        report = json.loads(out.read_text())
    row = report["rows"][0]
    assert row["dtype"] == "float32" and set(row["peers"]) == {"onnxruntime"}, row
    assert row["best_peer"] == "onnxruntime" and row["peer_errors"]["onnxruntime"] < 1e-6, row
    assert abs(row["ratio_best_peer"] - row["peers"]["onnxruntime"] / row["ours_ms"]) < 1e-9, row
    assert set(row["peer_mode_ms"]["onnxruntime"]) == {"spinning", "no_spinning"} and row["peer_mib"]["onnxruntime"] > 0, row
    assert f"| {name} | float32 |" in markdown(report) and "| ONNX Runtime |" in markdown(report)


def check_wrong_calls():
    for arguments, sentence in ((["--no-pytorch", "--rows", "no_such_row"], "no_such_row"),
                                (["--no-pytorch", "--engine", "/nowhere"], "/nowhere"),
                                (["--no-pytorch", "--peers", "pytorch"], "contradicts"),
                                (["--peers", "tensorflow,openvino"], "unknown peers: tensorflow"),
                                (["--peers", ","], "names no peer"),
                                (["--device", "cuda", "--peers", "openvino"], "openvino: a peer on the CPU only")):
        run = subprocess.run([bench, *arguments], capture_output=True, text=True)
        assert run.returncode != 0 and sentence in run.stderr and "Traceback" not in run.stderr, run.stderr


for precision in ("float32", "bfloat16") if device == "cuda" else ("float32",):
    check_requests(precision)
if device == "cpu":
    check_report()
    check_volume()
    check_peak_memory()
    check_peers()
    check_weights()
    check_onnx_runtime()
    check_wrong_calls()
