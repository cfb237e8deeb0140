"""Reads what cuobjdump prints of compiled CUDA kernels, and checks it against the limits of GPUs.

Used by scripts/check_machine_code. Limits: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
"""

import re
from dataclasses import dataclass, field

# Largest shared memory of a block, static and dynamic, by compute capability; bytes.
BLOCK_SHARED = {capability: kib << 10 for capability, kib in
                {75: 64, 80: 163, 86: 99, 87: 163, 89: 99, 90: 227, 100: 227, 103: 227, 120: 99, 121: 99}.items()}
STATIC_SHARED = 48 << 10
SM_REGISTERS = 65536
SM_SHARED_90 = 228 << 10
SYSTEM_SHARED = 1024  # of every block from 8.0 on; from 9.0 on the compiler counts it as static
MAX_THREADS = 1024


@dataclass
class Kernel:
    """A kernel as compiled for one architecture, such as sm_90a."""

    file: str
    architecture: str
    function: str  # mangled
    registers: int
    stack: int
    shared: int
    local: int
    threads: int = None  # of its launch bounds

    def capability(self):
        return int(re.match(r"sm_(\d+)", self.architecture)[1])

    def static_shared(self):
        return max(0, self.shared - (SYSTEM_SHARED if self.capability() >= 90 else 0))

    def name(self):
        return name_of(self.function)[0]

    def __str__(self):
        name, arguments = name_of(self.function)
        return f"{self.file}: {name}{f'<{arguments}>' if arguments else ''} for {self.architecture}"


def name_of(function):
    """(name, template arguments as they are mangled) of a function in namespaces; other names as they are."""
    at, name = len("_ZN"), function
    if not function.startswith("_ZN"):
        return function, ""
    while length := re.match(r"\d+", function[at:]):
        begin = at + len(length[0])
        at = begin + int(length[0])
        name = function[begin:at]
    arguments = re.match(r"I(.*?)E+v", function[at:])
    return name, arguments[1] if arguments else ""


def numbers_of(function, template):
    """The integer arguments of the class template of this name in a mangled function: Blocking<2, 1> → (2, 1)."""
    found = re.search(rf"\d{template}I((?:L[ib]\d+E)+)E", function)
    return tuple(int(number) for number in re.findall(r"L[ib](\d+)E", found[1])) if found else ()


def parse_resources(text, file):
    """The kernels in the output of cuobjdump --dump-resource-usage."""
    kernels, architecture, function = [], None, None
    for line in text.splitlines():
        if found := re.match(r"arch = (\S+)", line):
            architecture = found[1]
        elif found := re.match(r"\s*Function (\S+):", line):
            function = found[1]
        elif function and (found := re.match(r"\s*REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)", line)):
            kernels.append(Kernel(file, architecture, function, *map(int, found.groups())))
            function = None
    return kernels


def parse_max_threads(text):
    """{(architecture, function): threads of the launch bounds} from the output of cuobjdump -elf."""
    threads, architecture, function, attribute = {}, None, None, None
    for line in text.splitlines():
        if found := re.match(r"arch = (\S+)", line):
            architecture = found[1]
        elif found := re.match(r"\.nv\.info\.(\S+)", line):
            function = found[1]
        elif found := re.match(r"\s*Attribute:\s*(\S+)", line):
            attribute = found[1]
        elif attribute == "EIATTR_MAX_THREADS" and (found := re.match(r"\s*Value:\s*(0x\w+) (0x\w+) (0x\w+)", line)):
            x, y, z = (int(number, 16) for number in found.groups())
            threads[architecture, function] = x * y * z
    return threads


@dataclass
class Instruction:
    address: int
    guarded: bool  # executed only if a predicate holds
    opcode: str
    operands: str

    def is_a(self, *opcodes):
        return self.opcode.split(".")[0] in opcodes

    def registers(self):
        """Numbers of the ordinary registers that it names, with the further ones of wide operands."""
        wide = 4 if ".128" in self.opcode else 2 if ".64" in self.opcode or ".WIDE" in self.opcode else 1
        if self.is_a("HGMMA"):  # sums: 64 × columns floats in 128 threads
            wide = int(re.match(r"HGMMA\.64x(\d+)x", self.opcode)[1]) // 2
        addresses = "".join(re.findall(r"\[[^]]*\]", self.operands))
        values = re.sub(r"\[[^]]*\]", "", self.operands)
        return [int(number) + wide - 1 for number in re.findall(r"(?<![A-Z])R(\d+)\b", values)] + [
            int(number) + bool(pair) for number, pair in re.findall(r"(?<![A-Z])R(\d+)(\.64)?", addresses)]


def parse_sass(text):
    """{(architecture, function): instructions} from the output of cuobjdump -sass."""
    functions, architecture, instructions = {}, None, []
    for line in text.splitlines():
        if found := re.match(r"arch = (\S+)", line):
            architecture = found[1]
        elif found := re.match(r"\s*Function : (\S+)", line):
            instructions = functions.setdefault((architecture, found[1]), [])
        elif found := re.match(r"\s*/\*([0-9a-f]{4,})\*/\s+(@!?\w+ )?([A-Z]\S*)\s*(.*?)\s*;", line):
            instructions.append(Instruction(int(found[1], 16), bool(found[2]), found[3], found[4]))
    return functions


def reachable(instructions, first):
    """The instructions that can follow the one at index `first`, itself included."""
    index_of = {instruction.address: index for index, instruction in enumerate(instructions)}
    seen, left = set(), [first]
    while left:
        index = left.pop()
        if index in seen or index >= len(instructions):
            continue
        seen.add(index)
        instruction = instructions[index]
        if instruction.is_a("BRA", "BSSY", "CALL") and (target := re.search(r"0x([0-9a-f]+)\b", instruction.operands)):
            left.append(index_of[int(target[1], 16)])
        elif instruction.is_a("BRA", "BRX", "JMP"):
            raise ValueError(f"a jump to an unknown place: {instruction.opcode} {instruction.operands}")
        # `BRA.U.ANY` and a second predicate among the operands make a branch conditional, too.
        always = not instruction.guarded and not re.match(r"!?U?P\d", instruction.operands) and "." not in instruction.opcode
        if not (always and instruction.is_a("BRA", "EXIT", "RET")):
            left.append(index + 1)
    return [instructions[index] for index in sorted(seen)]


def local_memory_faults(instructions):
    """Local memory means that registers were spilled or an array is indexed at run time."""
    return [f"{i.opcode} {i.operands} at {i.address:#x}" for i in instructions if i.is_a("LDL", "STL")]


@dataclass
class WgmmaGroups:
    sizes: list = field(default_factory=list)  # products from each WARPGROUP.ARRIVE to the next WARPGROUP.DEPBAR
    faults: list = field(default_factory=list)


def wgmma_groups(instructions):
    """Products must stand between WARPGROUP.ARRIVE and WARPGROUP.DEPBAR, and the last one of a group must commit it (gsb0).
    Where the compiler serialises products, each has a group of its own.
    """
    groups, count, committed = WgmmaGroups(), None, True
    for i in instructions:
        if i.opcode.startswith("WARPGROUP.ARRIVE"):
            count, committed = 0, True
        elif i.is_a("HGMMA"):
            if count is None:
                groups.faults.append(f"HGMMA at {i.address:#x} without WARPGROUP.ARRIVE before it")
                continue
            count, committed = count + 1, "gsb0" in i.operands
        elif i.opcode.startswith("WARPGROUP.DEPBAR") and count is not None:
            if not committed:
                groups.faults.append(f"the products before WARPGROUP.DEPBAR at {i.address:#x} are not committed")
            groups.sizes.append(count)
            count = None
    if count is not None:
        groups.faults.append("the last products are not waited for")
    return groups


def register_faults(instructions):
    """After USETMAXREG no register may be used beyond the number that is left."""
    faults = []
    for index, i in enumerate(instructions):
        if not i.is_a("USETMAXREG"):
            continue
        left = int(re.search(r"0x([0-9a-f]+)", i.operands)[1], 16)
        highest = max((max(r.registers(), default=0) for r in reachable(instructions, index)), default=0)
        if highest >= left:
            faults.append(f"R{highest} is used after {i.opcode} {i.operands}, which leaves {left} registers")
    return faults


def limit_faults(kernel, capability, dynamic, resident=1):
    """Whether a device of this capability can run blocks of the kernel with so many bytes of dynamic shared memory."""
    faults = []
    if kernel.stack or kernel.local:
        faults.append(f"{kernel.stack} bytes of stack, {kernel.local} of local memory")
    static, limit = kernel.static_shared(), BLOCK_SHARED[capability]
    if static > STATIC_SHARED:
        faults.append(f"{static} bytes of static shared memory, at most {STATIC_SHARED}")
    if static + dynamic > limit:
        faults.append(f"{static} + {dynamic} bytes of shared memory, a block of {capability / 10} has {limit}")
    if resident > 1 and resident * (static + dynamic + SYSTEM_SHARED) > SM_SHARED_90:
        faults.append(f"{resident} blocks of {static} + {dynamic} bytes of shared memory exceed the {SM_SHARED_90} of an SM")
    registers = -(-kernel.registers // 8) * 8  # allocated by the eight, for whole warps
    threads = -(-(kernel.threads or MAX_THREADS) // 32) * 32
    if kernel.registers > 255 or resident * registers * threads > SM_REGISTERS:
        faults.append(f"{kernel.registers} registers of {resident} × {threads} threads exceed the {SM_REGISTERS} of an SM")
    return faults
