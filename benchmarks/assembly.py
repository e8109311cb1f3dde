#!/usr/bin/env python3
"""Reads the machine code that a JVM printed (-XX:CompileCommand=print, as hex where it has no hsdis) and judges the loops of hot methods.

usage: assembly.py --options [--add CLASS::METHOD]        the JVM's options that print what is judged
       assembly.py --width BITS [--add ...] [--summary FILE] [--heading TEXT] PRINTED...
Called by assembly.sh. Exit code 1, with the methods' names, where an innermost loop falls short.
"""
import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

PACKAGE = "dev.tallrec.backend.cpu."
# Loops whose arithmetic is multiply-add, or exp, which is a polynomial of them.
FMA = ["PanelKernel::kernel12", "PanelKernel::kernel6", "TileKernel::kernel12", "TileKernel::kernel4", "FrozenProducts::dot", "LowRankKernels::dots", "LowRankKernels::expand", "LowRankKernels::outer",
       "Vectors::dot", "Vectors::addScaled", "Softmax::row", "ScoreColumns::exponentiate", "ScoreColumns::differentiate", "Activations::swigluRow",
       "Activations::swigluBackwardRow", "Normalization::backwardRow", "Losses::sumOfExponentials", "Losses::gradient", "SumOfSquares::run"]
# Loops that have none in their source: Java never contracts x * y + z by itself. Vectors of full width and no call is all one can ask.
WITHOUT_FMA = ["ScoreColumns::largest", "Vectors::max", "AdamWUpdate::run", "Normalization::addRow",
               "Normalization::row", "Activations::ropeRow", "Elements::widen", "TileKernel::store"]

# Tiles of products: their sums must stay in registers from one k to the next.
TILES = ("PanelKernel::", "TileKernel::kernel")

REGISTERS = {512: "zmm", 256: "ymm", 128: "xmm"}
# Which of the two kernels runs is chosen by the width.
OF_OTHER_WIDTH = {512: ("::kernel4", "::kernel6"), 256: "::kernel12", 128: "::kernel12"}

HEADER = re.compile(r"^Compiled method \((c1|c2)\)\s+\d+\s+\d+\s+(.{0,8}?)\s*(\d)\s+(\S+)::(\S+)(?: @ \d+)? \((\d+) bytes\)")
BYTES = re.compile(r"^  0x([0-9a-f]{16}):((?: [0-9a-f]{2,4}| \|)+)\s*$")
COMMENT = re.compile(r"^  0x([0-9a-f]{16}): ;\s+\{(.*)\}")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*(?:\t(.*))?$")
FUSED = re.compile(r"^vfn?m(?:add|sub|addsub|subadd)\d+(ps|ss|pd|sd)$")

Instruction = collections.namedtuple("Instruction", "address operation operands target trap")


class Compilation:
    def __init__(self, name, size, osr):
        self.name, self.size, self.osr, self.start, self.code, self.comments = name, size, osr, None, bytearray(), {}


def compilations(lines):
    """What C2 compiled, in order; C1's code and native wrappers are passed over."""
    current, inside = None, False
    for line in lines:
        header = HEADER.match(line)
        if header:
            keep = header[1] == "c2"
            current = Compilation(f"{header[4]}::{header[5]}", header[6], "%" in header[2]) if keep else None
            inside = False
        elif current is None:
            continue
        elif line.startswith("[MachCode]"):
            inside = True
        elif line.startswith("[/MachCode]"):
            yield current
            current = None
        elif inside:
            comment = COMMENT.match(line)
            hexes = BYTES.match(line)
            if comment:
                current.comments[int(comment[1], 16)] = comment[2]
            elif hexes:
                at = int(hexes[1], 16)
                if current.start is None:
                    current.start = at
                if at != current.start + len(current.code):
                    raise SystemExit(f"assembly: a gap in the printed code of {current.name} at {at:x}")
                current.code += bytes.fromhex(hexes[2].replace("|", "").replace(" ", ""))
            elif re.match(r"^  0x[0-9a-f]{16}: *\t? *[a-z]", line):
                raise SystemExit("assembly: the JVM found an hsdis library and printed instructions; run it without one, this reads the hex")


def disassemble(compilation):
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(compilation.code)
        file.flush()
        text = subprocess.run(["objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--insn-width=16",
                               f"--adjust-vma={compilation.start:#x}", file.name], check=True, capture_output=True, text=True).stdout
    instructions = []
    for line in text.splitlines():
        match = INSTRUCTION.match(line)
        if not match or not match[2]:
            continue
        address = int(match[1], 16)
        words = match[2].split("#")[0].split(None, 1)
        while len(words) == 2 and words[0] in ("bnd", "notrack", "rep", "repz", "repnz", "lock", "data16", "cs", "ds"):
            words = words[1].split(None, 1)
        operation, operands = words[0], words[1].strip() if len(words) > 1 else ""
        target = int(operands, 16) if re.fullmatch(r"0x[0-9a-f]+", operands) and operation[0] in "jc" else None
        # The JVM prints what a call is before the group of four bytes that the call begins in.
        group = next((compilation.comments[at] for at in range(address, address - 4, -1) if at in compilation.comments), "")
        trap = operation == "call" and re.search("uncommon.?trap", group, re.IGNORECASE) is not None
        instructions.append(Instruction(address, operation, operands, target, trap))
    return instructions


def blocks(instructions):
    """Basic blocks by address, and who follows whom. Calls of the uncommon trap do not come back: the interpreter goes on."""
    addresses = {i.address for i in instructions}
    jumps = lambda i: i.operation[0] == "j" or i.operation == "loop"
    ends = lambda i: jumps(i) or i.trap or i.operation in ("ret", "hlt", "ud2", "int3")
    leaders = {instructions[0].address}
    for at, instruction in enumerate(instructions):
        if jumps(instruction) and instruction.target in addresses:
            leaders.add(instruction.target)
        if ends(instruction) and at + 1 < len(instructions):
            leaders.add(instructions[at + 1].address)
    block_of, order = {}, []
    for instruction in instructions:
        if instruction.address in leaders:
            order.append(instruction.address)
            block_of[instruction.address] = []
        block_of[order[-1]].append(instruction)
    follows = {}
    for at, leader in enumerate(order):
        last = block_of[leader][-1]
        following = [last.target] if jumps(last) and last.target in addresses else []
        if not (last.operation == "jmp" or ends(last) and not jumps(last)) and at + 1 < len(order):
            following.append(order[at + 1])
        follows[leader] = following
    return block_of, follows, order[0]


def loops(instructions):
    """Innermost natural loops, each as its instructions: cold parts that were moved out of line and come back belong to them."""
    block_of, follows, entry = blocks(instructions)
    reachable, waiting = [], [entry]
    seen = {entry}
    while waiting:
        block = waiting.pop()
        reachable.append(block)
        for after in follows[block]:
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    before = collections.defaultdict(list)
    for block in reachable:
        for after in follows[block]:
            before[after].append(block)
    dominators = {block: set(reachable) for block in reachable}
    dominators[entry] = {entry}
    changed = True
    while changed:
        changed = False
        for block in reachable:
            if block != entry:
                new = {block} | set.intersection(*(dominators[p] for p in before[block]))
                if new != dominators[block]:
                    dominators[block], changed = new, True
    bodies = {}
    for block in reachable:
        for header in follows[block]:
            if header in dominators[block]:
                body = bodies.setdefault(header, {header})
                waiting = [block]
                while waiting:
                    at = waiting.pop()
                    if at not in body:
                        body.add(at)
                        waiting.extend(before[at])
    innermost = [body for header, body in bodies.items() if not any(other in body for other in bodies if other != header)]
    return [[i for block in sorted(body) for i in block_of[block]] for body in innermost]


def measure(loop):
    """Counts over one pass of a loop; a register's name says the width."""
    counts = collections.Counter(instructions=len(loop))
    for i in loop:
        width = next((name for name in ("zmm", "ymm", "xmm") if name in i.operands), None)
        fused = FUSED.match(i.operation)
        # ymm16 to 31 and masks need the same prefix as zmm: the name, not the encoding, tells the width.
        if width:
            counts[width] += 1
            scalar = i.operation.endswith(("ss", "sd")) or i.operation in ("vmovd", "vmovq", "vcvtsi2ss")
            if fused:
                counts["scalar fma" if fused[1] in ("ss", "sd") else f"fma {width}"] += 1
            if not scalar:
                counts[f"packed {width}"] += 1
                first, _, rest = i.operands.partition(",")
                if "[" in first:
                    counts["stores"] += 1
                elif "[" in rest:
                    counts["loads"] += 1
        if re.search(r"\[(?:rsp|rbp)\b(?!\+r[^s])", i.operands) and "rsp" in i.operands and i.operation != "lea":
            counts["stack"] += 1
        if i.operation == "call" and not i.trap:
            counts["calls"] += 1
    return counts


def hot(measured):
    """The loop that does most per pass in packed registers: C2 puts short ones before and after it for what is left over."""
    size = lambda c: (512 * c["packed zmm"] + 256 * c["packed ymm"] + 128 * c["packed xmm"], c["instructions"])
    return max(measured, key=size)


def judge(name, counts, width, fma):
    register = REGISTERS[width]
    faults = []
    if fma and not counts[f"fma {register}"]:
        faults.append(f"no FMA in {register}")
    if not counts[f"packed {register}"]:
        faults.append(f"no {register} at all")
    if name.startswith(TILES) and counts["stores"]:
        faults.append(f"{counts['stores']} sums go to memory at every k")
    if counts["calls"]:
        faults.append(f"{counts['calls']} calls")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--options", action="store_true")
    parser.add_argument("--add", action="append", default=[], help="another method that must have FMA, as CLASS::METHOD of the same package")
    parser.add_argument("--width", type=int, choices=sorted(REGISTERS))
    parser.add_argument("--summary")
    parser.add_argument("--heading", default="")
    parser.add_argument("printed", nargs="*")
    arguments = parser.parse_args()
    methods = FMA + arguments.add + WITHOUT_FMA
    if arguments.options:
        print("\n".join(f"-XX:CompileCommand=print,{PACKAGE}{method}" for method in methods))
        return 0
    found = {}
    for path in arguments.printed:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for compilation in compilations(lines):
                name = compilation.name.removeprefix(PACKAGE)
                if name in found and found[name].size != compilation.size:
                    raise SystemExit(f"assembly: {name} is more than one method, and only one would be judged: give the one with the loop a name of its own")
                # The last one is what runs in the end; code entered in the middle of a loop is left after that one run.
                if name not in found or not compilation.osr or found[name].osr:
                    found[name] = compilation
    rows, failed = [], []
    for name in methods:
        if name.endswith(OF_OTHER_WIDTH[arguments.width]):
            continue
        fma = name not in WITHOUT_FMA
        if name not in found:
            rows.append(f"| {name} | - | | | | | | | | **never compiled by C2 on its own** |")
            failed.append((name, ["never compiled by C2 on its own"]))
            continue
        inner = [measure(loop) for loop in loops(disassemble(found[name]))]
        if not inner:
            rows.append(f"| {name} | - | | | | | | | | **no loop** |")
            failed.append((name, ["no loop in its code"]))
            continue
        c = hot(inner)
        faults = judge(name, c, arguments.width, fma)
        if faults:
            failed.append((name, faults))
        widest = next((bits for bits, register in REGISTERS.items() if c[f"packed {register}"]), "scalar")
        packed = sum(c[f"fma {register}"] for register in REGISTERS.values())
        said = f"yes: {packed}" if packed else "scalar only" if c["scalar fma"] else "no" if fma else "none in source"
        rows.append(f"| {name} | {widest} | {said} | {c['zmm']} / {c['ymm']} / {c['xmm']} | {c['loads']} | {c['stores']} | {c['stack']} | {c['calls']} "
                    f"| {c['instructions']} of {len(inner)} | {'**' + ', '.join(faults) + '**' if faults else 'good'} |")
    table = "\n".join(["| method | widest vector, bits | FMA per pass | instructions with zmm / ymm / xmm | vector loads | vector stores | stack accesses | calls "
                       "| instructions, of how many innermost loops | verdict |", "|---|---|---|---|---|---|---|---|---|---|"] + rows)
    print(table)
    if arguments.summary:
        with open(arguments.summary, "a", encoding="utf-8") as out:
            out.write(f"{arguments.heading}\n\n{table}\n\n")
    for name, faults in failed:
        print(f"assembly: {name}: {', '.join(faults)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
