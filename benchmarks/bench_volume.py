"""The rows of the kind "volume" of scripts/bench: whole processes from file to file, `upscale` against
benchmarks/volume_peer.py; `upscale --self` alone."""

import array
import json
import math
import random
import struct
import subprocess
import sys
import time

from bench_network import write_network, write_weights
from bench_peers import OWN_PYTHON, has_modules
from bench_sides import HANDOVER_SECONDS, ROOT, Refused, environment

# Norm of the difference of a peer's voxels from upscale's over the norm of these.
BOUNDS = {"float32": 1e-5, "bfloat16": 2e-2}


def volume_bytes(shape, spacing=1):
    """A NIfTI file (its bytes) of float32: an ellipsoid with waves and noise, the same at each call. The slices of the third
    axis are `spacing` mm apart."""
    noise, values = random.Random(1), array.array("f")
    nx, ny, nz = shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                radius = (2 * x / nx - 1) ** 2 + (2 * y / ny - 1) ** 2 + 0.5 * (2 * z / nz - 1) ** 2
                inside = 500 + 90 * math.sin(x / 2) * math.cos(y / 3) + 3 * z if radius < 0.8 else 20
                values.append(inside + 20 * noise.random())
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, nx, ny, nz, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 16, 32)  # float32
    struct.pack_into("<8f", header, 76, 1, 1, 1, spacing, 1, 1, 1, 1)
    struct.pack_into("<3f", header, 108, 352, 1, 0)  # offset of the data, slope, intercept
    header[123] = 2  # mm
    struct.pack_into("<2h", header, 252, 0, 1)  # only the sform
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, spacing, 0)
    header[344:348] = b"n+1\0"
    if sys.byteorder == "big":
        values.byteswap()
    return bytes(header) + values.tobytes()


# Runs its arguments as a process, prints [seconds, exit status, peak memory in KiB]. A process of its own, because Linux counts the
# memory of the process that forks into the peak of the child.
LAUNCHER = """import json, os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
print(json.dumps([time.perf_counter() - begin, process.returncode, usage.ru_maxrss]))
"""


def run(title, command, name):
    """Runs a process. Returns (seconds, peak memory in MiB)."""
    result = subprocess.run([sys.executable, "-c", LAUNCHER, *map(str, command)], capture_output=True, text=True, env=environment(name))
    lines = result.stderr.strip().splitlines()
    if result.returncode != 0:
        raise Refused(f"{title}: {lines[-1]}")
    seconds, status, peak = json.loads(result.stdout)
    if status != 0:
        raise Refused(f"{title}: {lines[-1] if lines else f'status {status}'}")
    return seconds, peak / 1024


def has_nibabel(peer, python):
    """Whether the peer's Python has NiBabel, which is installed into build/bench-python only."""
    if not has_modules(python, ["nibabel"]) and python == str(OWN_PYTHON / "bin/python"):
        print("bench: installing NiBabel into build/bench-python", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "-q", "nibabel"], stdout=sys.stderr)
    if has_modules(python, ["nibabel"]):
        return True
    print(f"bench: rows of volumes without {peer.title}: {python} has no NiBabel", file=sys.stderr)
    return False


class VolumeRow:
    """`prepare_engine(row)` makes the engine write the network into `folder`."""

    def __init__(self, row, folder, programs, usable, prepare_engine):
        self.row, self.folder, self.script = row, folder, ROOT / "benchmarks/volume_peer.py"
        (folder / "row.json").write_text(json.dumps(row))
        (folder / "volume.nii").write_bytes(volume_bytes(row["shape"], row.get("spacing", 1)))
        ours = [programs / "upscale", folder / "volume.nii", folder / "ours.nii", "--axis", "z", "--device", "cpu", "--force"]
        if "self_steps" in row:  # no peer trains on the scan
            self.pythons, self.commands = {}, {"ours": [*ours, "--self", "--steps", row["self_steps"]]}
            return
        network = {key: value for key, value in row.items() if key in ("model", "depth", "width")}
        prepare_engine({"kind": "upscale", "height": 8, "columns": 8, **network})
        write_weights(folder, row)
        self.pythons = {peer.name: (peer, python) for peer, python in usable if has_nibabel(peer, python)}
        if any(peer.reads_onnx for peer, _ in self.pythons.values()):
            try:
                write_network(folder, row, programs / "export_onnx")
            except Refused as why:
                print(f"bench: rows of volumes without peers that read ONNX: {why}", file=sys.stderr)
                self.pythons = {name: found for name, found in self.pythons.items() if not found[0].reads_onnx}
        self.commands = {"ours": [*ours, "--weights", folder / "weights.safetensors"]}
        for name, (_, python) in self.pythons.items():
            self.commands[name] = [python, self.script, "cpu", name, folder / "volume.nii", folder / f"{name}.nii", folder]

    def run(self, side):
        title = "upscale" if side == "ours" else self.pythons[side][0].title
        return run(title, self.commands[side], "the engine" if side == "ours" else title)

    def check(self, side):
        """Runs upscale or a peer once. Returns the error of a peer's voxels, None for upscale."""
        self.run(side)
        if side == "ours":
            return None
        peer, python = self.pythons[side]
        compared = subprocess.run([python, self.script, "cpu", "compare", self.folder / f"{side}.nii", self.folder / "ours.nii"],
                                  capture_output=True, text=True)
        if compared.returncode != 0:
            raise Refused(f"{peer.title}: {compared.stderr.strip()}")
        error, bound = float(compared.stdout), BOUNDS[peer.dtype or "float32"]
        if not error <= bound:
            raise Refused(f"{peer.title}: the voxels differ from upscale's by {error:.2g} of their norm, more than {bound:.0e}")
        return error

    def measure(self, turns):
        """({side: seconds}, {side: largest peak memory in MiB}, {peer: error}) of upscale and the peers that work. The first
        turn compares the results."""
        seconds, memory, errors = {side: [] for side in self.commands}, {side: [] for side in self.commands}, {}
        for turn in range(turns + 1):
            for side in list(seconds):
                time.sleep(HANDOVER_SECONDS)
                try:
                    if turn == 0:
                        errors[side] = self.check(side)
                        continue
                    elapsed, mib = self.run(side)
                except Refused as why:
                    if side == "ours":
                        raise
                    print(f"bench: rows of volumes without {side}: {why}", file=sys.stderr)
                    del seconds[side]
                    continue
                seconds[side].append(elapsed)
                memory[side].append(mib)
        return (seconds, {side: max(memory[side]) for side in seconds},
                {side: errors[side] for side in seconds if side != "ours"})
