"""The peers of scripts/bench: who they are, what they compute in, and which Python has their packages."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench_sides import ROOT, Side

OWN_PYTHON = ROOT / "build/bench-python"


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    package: str  # on PyPI
    module: str
    program: str  # in benchmarks/
    dtype: str = ""  # empty: the row's
    reads_onnx: bool = True  # runs the rows "upscale" on the CPU with the network of export_onnx; else all rows

    def dtype_in(self, row_dtype):
        return self.dtype or row_dtype

    def can_run(self, row):
        return row["kind"] == "upscale" or not self.reads_onnx


PYTORCH = Peer("pytorch", "PyTorch", "torch", "torch", "pytorch_rows.py", reads_onnx=False)
ONNXRUNTIME = Peer("onnxruntime", "ONNX Runtime", "onnxruntime", "onnxruntime", "onnx_rows.py", "float32")
OPENVINO = Peer("openvino", "OpenVINO", "openvino", "openvino", "onnx_rows.py", "float32")
OPENVINO_BFLOAT16 = Peer("openvino_bfloat16", "OpenVINO in bfloat16", "openvino", "openvino", "onnx_rows.py", "bfloat16")

# What --peers accepts. OpenVINO is timed in float32 and in bfloat16.
CHOICES = {"pytorch": [PYTORCH], "onnxruntime": [ONNXRUNTIME], "openvino": [OPENVINO, OPENVINO_BFLOAT16]}


def parse_peers(text, device):
    """The peers of the list `text`, such as "pytorch,openvino"; None is the default. Throws ValueError with a sentence."""
    if text is None:
        return [PYTORCH]
    names = [name for name in text.split(",") if name]
    known = ", ".join(CHOICES)
    if not names:
        raise ValueError(f"--peers names no peer (known: {known}); --no-pytorch times the engine alone")
    unknown = sorted(set(names) - set(CHOICES))
    if unknown:
        raise ValueError(f"unknown peers: {', '.join(unknown)} (known: {known})")
    peers = [peer for choice in CHOICES if choice in names for peer in CHOICES[choice]]
    refused = [choice for choice in names if device != "cpu" and CHOICES[choice][0].reads_onnx]
    if refused:
        raise ValueError(f"{' and '.join(refused)}: a peer on the CPU only; on a CUDA device, --peers pytorch")
    return peers


def has_bfloat16(flags=None):
    """Whether the processor multiplies in bfloat16 (AVX512_BF16 or AMX); without, OpenVINO computes in float32."""
    if flags is None:
        flags = set()
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                flags = set(line.split(":", 1)[1].split())
                break
    return bool({"avx512_bf16", "amx_bf16"} & set(flags))


def has_modules(python, modules):
    return subprocess.run([python, "-c", f"import {', '.join(modules)}"], capture_output=True).returncode == 0


def find_python(modules, packages, title):
    """A Python with these modules: $DNSP_BENCH_PYTHON, python3 in the path, or build/bench-python with the packages
    installed from PyPI. None, with a sentence, if they cannot be installed."""
    own = OWN_PYTHON / "bin/python"
    for python in (os.environ.get("DNSP_BENCH_PYTHON"), "python3", own):
        if python and (python == "python3" or Path(python).exists()) and has_modules(python, modules):
            return str(python)
    print(f"bench: installing {title} into build/bench-python", file=sys.stderr)
    try:
        if not own.exists():
            subprocess.run([sys.executable, "-m", "venv", OWN_PYTHON], check=True, stdout=sys.stderr)
        subprocess.run([own, "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"bench: without {title}, which cannot be installed: {error}", file=sys.stderr)
        return None
    if has_modules(own, modules):
        return str(own)
    print(f"bench: without {title}: the installed packages cannot be imported", file=sys.stderr)
    return None


def usable_peers(peers):
    """[(peer, Python)] for the peers that this machine can run; the others are named in a sentence each."""
    usable, pythons = [], {}
    for peer in peers:
        if peer.dtype == "bfloat16" and not has_bfloat16():
            print(f"bench: without {peer.title}: the processor has neither AVX512_BF16 nor AMX", file=sys.stderr)
            continue
        if peer.package not in pythons:
            pythons[peer.package] = find_python([peer.module, "numpy"], [peer.package, "numpy"], peer.title)
        if pythons[peer.package]:
            usable.append((peer, pythons[peer.package]))
    return usable


def open_peer(peer, python, device):
    argument = device if peer is PYTORCH else peer.name
    return Side(peer.title, [python, ROOT / "benchmarks" / peer.program, argument], device == "cuda")
