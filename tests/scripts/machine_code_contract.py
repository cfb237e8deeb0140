"""Tests scripts/machine_code.py and scripts/check_machine_code on small texts as cuobjdump prints them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "scripts"))
import machine_code as code  # noqa: E402, from the folder above

FIXTURES = SOURCE / "tests/fixtures/machine_code"
RESOURCES, ELF, SASS = ((FIXTURES / name).read_text() for name in ("resources.txt", "elf.txt", "sass.txt"))


def equal(got, expected):
    assert got == expected, f"got {got}, expected {expected}"


def expect_fault(faults, part):
    assert any(part in fault for fault in faults), f"'{part}' is not in {faults}"


# ---- Resources

kernels = code.parse_resources(RESOURCES, "x.cu")
equal([(k.architecture, k.name(), k.registers, k.shared, k.static_shared()) for k in kernels],
      [("sm_80", "low_rank_svd_kernel", 66, 0, 0), ("sm_80", "conv2d_forward_wgmma", 4, 0, 0),
       ("sm_90a", "low_rank_svd_kernel", 78, 1024, 0), ("sm_90a", "conv2d_forward_wgmma", 168, 2048, 1024)])
svd, wgmma = kernels[0], kernels[3]
equal(code.name_of(svd.function), ("low_rank_svd_kernel", "d"))
equal(code.name_of("plain"), ("plain", ""))
equal(code.numbers_of(wgmma.function, "Blocking"), (2, 2, 3, 1, 24, 240))
equal(code.numbers_of(svd.function, "Blocking"), ())
equal(str(svd), "x.cu: low_rank_svd_kernel<d> for sm_80")
equal(code.parse_max_threads(ELF), {("sm_90a", wgmma.function): 384})

# ---- Limits

svd.threads, wgmma.threads = 512, 384
equal(code.limit_faults(wgmma, 90, 221184), [])
equal(code.limit_faults(wgmma, 90, (227 << 10) - 1024), [])
expect_fault(code.limit_faults(wgmma, 90, (227 << 10) - 1023), "a block of 9.0 has 232448")
expect_fault(code.limit_faults(wgmma, 90, 113 << 10, resident=2), "exceed the 233472 of an SM")
equal(code.limit_faults(svd, 86, 101376), [])  # 64 × 64 in double, exactly what a block has
expect_fault(code.limit_faults(svd, 75, 65537), "a block of 7.5 has 65536")
svd.threads = 1024
expect_fault(code.limit_faults(svd, 80, 0), "66 registers of 1 × 1024 threads")
svd.threads = None  # without launch bounds: the largest block
expect_fault(code.limit_faults(svd, 80, 0), "66 registers of 1 × 1024 threads")
spilled = code.parse_resources(RESOURCES.replace("REG:78 STACK:0", "REG:78 STACK:8"), "x.cu")[2]
spilled.threads = 512
expect_fault(code.limit_faults(spilled, 90, 0), "8 bytes of stack")
large = code.parse_resources(RESOURCES.replace("SHARED:2048", "SHARED:50177"), "x.cu")[3]
large.threads = 384
expect_fault(code.limit_faults(large, 90, 0), "49153 bytes of static shared memory")

# ---- Disassembly

[(where, instructions)] = code.parse_sass(SASS).items()
equal(where, ("sm_90a", wgmma.function))
equal(len(instructions), 26)
equal((instructions[2].guarded, instructions[2].opcode, instructions[2].operands), (True, "BRA", "0x00f0"))
equal(instructions[25].opcode, "BRA")


def changed(old, new):
    assert SASS.count(old) == 1, old
    [instructions] = code.parse_sass(SASS.replace(old, new)).values()
    return instructions


# The copying thread's part: the waiting loop at 0x150 is not.
begin = next(i for i, instruction in enumerate(instructions) if instruction.opcode.startswith("USETMAXREG.DEALLOC"))
equal([i.address for i in code.reachable(instructions, begin)],
      [0xF0, 0x100, 0x110, 0x120, 0x130, 0x140, 0x170, 0x180])
equal(code.register_faults(instructions), [])
expect_fault(code.register_faults(changed("LDG.E.128 R16", "LDG.E.128 R21")), "R24 is used after USETMAXREG.DEALLOC")
expect_fault(code.register_faults(changed("[R14.64+0x20]", "[R23.64+0x20]")), "R24 is used after USETMAXREG.DEALLOC")
expect_fault(code.register_faults(changed("IMAD.MOV R7", "IMAD.MOV R24")), "which leaves 24 registers")
expect_fault(code.register_faults(changed("FFMA R228", "FFMA R240")), "R240 is used after USETMAXREG.TRY_ALLOC")
expect_fault(code.register_faults(changed("HGMMA.64x200x16.F32.BF16 R124", "HGMMA.64x200x16.F32.BF16 R144")), "R243 is used")

groups = code.wgmma_groups(instructions)
equal((groups.sizes, groups.faults), ([2], []))
expect_fault(code.wgmma_groups(changed("WARPGROUP.ARRIVE", "NOP")).faults, "HGMMA at 0x50 without WARPGROUP.ARRIVE")
expect_fault(code.wgmma_groups(changed("R24, gdesc[UR24], R24, gsb0", "R24, gdesc[UR24], R24")).faults, "are not committed")
equal(code.wgmma_groups(changed("R2UR UR4, R228", "WARPGROUP.DEPBAR.LE gsb0, 0x0")).sizes, [1])
only_first = [i for i in instructions if not i.opcode.startswith("WARPGROUP.DEPBAR")]
expect_fault(code.wgmma_groups(only_first).faults, "not waited for")

equal(code.local_memory_faults(instructions), [])
expect_fault(code.local_memory_faults(changed("R2UR UR4, R228", "STL [R1+0x4], R228")), "STL [R1+0x4], R228 at 0x60")
expect_fault(code.local_memory_faults(changed("R2UR UR4, R228", "LDL.LU R5, [R1]")), "LDL.LU")
try:
    code.reachable(changed("BRA 0x170", "BRX R4"), begin)
    raise AssertionError("a jump to an unknown place is not found")
except ValueError as error:
    assert "BRX R4" in str(error), error

# ---- The script, with a cuobjdump that prints the texts

FAKE = """#!/bin/sh
case "$1" in
  --dump-resource-usage) cat "{folder}/resources.txt" ;;
  -elf) cat "{folder}/elf.txt" ;;
  -sass) cat "{folder}/sass.txt" ;;
esac
"""


def run(sass, *arguments):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (("resources.txt", RESOURCES), ("elf.txt", ELF), ("sass.txt", sass), ("cuobjdump", FAKE.format(folder=folder))):
            (folder / file).write_text(text)
        (folder / "cuobjdump").chmod(0o755)
        (folder / "build").mkdir()
        if "empty" not in arguments:
            (folder / "build/wgmma_forward.cu.o").touch()
        done = subprocess.run([sys.executable, SOURCE / "scripts/check_machine_code", folder / "build"], capture_output=True, text=True,
                              env={**os.environ, "CUOBJDUMP": str(folder / "cuobjdump")})
    return done.returncode, done.stdout, done.stderr


# The text lacks other kernels, disassembly of sm_80, and six of the eight products of a group.
status, told, _ = run(SASS)
equal(status, 1)
for part in ("2ELi3ELi1ELi24ELi240> for sm_90a: groups of products: a group of 2 products, expected 8", "cuobjdump prints none",
             "svd.cu: low_rank_svd_kernel is not compiled"):
    assert part in told, told
assert "registers after setmaxnreg" not in told, told
last = told.splitlines()[-1].replace(",", "").split()
assert last[1::2] == ["passed", "failed"] and int(last[0]) > 5 and int(last[2]) == told.count("FAILED "), told
status, told, _ = run(SASS.replace("IMAD.MOV R7", "IMAD.MOV R24"))
assert status == 1 and "registers after setmaxnreg: R24 is used" in told, told
status, _, error = run(SASS, "empty")
assert status == 1 and "has no compiled kernels" in error, error
