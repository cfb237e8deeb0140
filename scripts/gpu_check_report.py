"""The results of scripts/gpu_check and its report in Markdown."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench_report import number, table


@dataclass
class Case:
    program: str
    device: str
    name: str
    result: str  # passed, failed, skipped, not run
    seconds: float
    details: str


@dataclass
class Benchmark:
    name: str
    microseconds: float
    flops: float  # per second
    bytes: float  # per second
    share_of_copy: float
    error: str


@dataclass
class Training:
    name: str
    options: str
    seconds_in_all: float
    steps: int = 0
    seconds: float = 0
    psnr_db: float = None


@dataclass
class Sanitized:
    tool: str
    of: int  # number of cases
    cases: int = 0  # number of finished cases
    failed: bool = False
    seconds: float = 0
    summary: str = ""
    log: list = field(default_factory=list)
    only_reported: bool = False  # the cases by wgmma: what the tool reports is no failure
    reports: list = field(default_factory=list)  # cases with something to report

    def title(self):
        return f"{self.tool}, wgmma" if self.only_reported else self.tool

    def result(self):
        return "failed" if self.failed else f"{len(self.reports)} cases reported" if self.reports else "passed"


@dataclass
class Report:
    path: Path
    device: str
    quick: bool
    small_seconds: float
    epochs: int
    facts: dict
    finished: bool = False
    cases: list = field(default_factory=list)
    seconds: dict = field(default_factory=dict)  # by (program, device)
    benchmarks: list = field(default_factory=list)
    trainings: list = field(default_factory=list)
    sanitized: list = field(default_factory=list)
    not_asked_for: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    def problems(self):
        count = Counter(case.result for case in self.cases)
        problems = [f"{count[result]} test cases {verb}" for result, verb in (("failed", "failed"), ("not run", "were not run"))
                    if count[result]]
        problems += [f"compute-sanitizer {s.tool}: {s.summary}" for s in self.sanitized if s.failed]
        return problems + self.failures


def cell(text):
    return str(text).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def verdict(report):
    problems = report.problems()
    text = "**failed**: " + "; ".join(problems) if problems else "passed"
    if not report.finished:
        text = "**the run did not get to its end**" + (f"; {text}" if problems else "; nothing had failed by then")
    return text + (f"; not asked for: {', '.join(report.not_asked_for)}" if report.not_asked_for else "")


def tests(report):
    results = ("passed", "failed", "skipped", "not run")
    count = Counter((c.program, c.device, c.result) for c in report.cases)
    text = [table(["program", "device", *results, "seconds"],
                  [[program, device, *(str(count[program, device, r]) for r in results), f"{seconds:.0f}"]
                   for (program, device), seconds in report.seconds.items()])]
    for result, title in (("failed", "Failed"), ("not run", "Not run"), ("skipped", "Skipped")):
        told = [f"- {c.program} on {c.device}: **{c.name}**: `{c.details.replace('`', 'ʹ')}`"
                for c in report.cases if c.result == result]
        text += [f"### {title}", "\n".join(told)] if told else []
    told = [f"- {c.program} on {c.device}: **{c.name}** passed alone, {cell(c.details)}"
            for c in report.cases if c.result == "passed" and c.details]
    text += ["### Passed when retried alone", "\n".join(told)] if told else []
    every = table(["program", "device", "case", "result", "seconds"],
                  [[c.program, c.device, cell(c.name), c.result, f"{c.seconds:.3f}"] for c in report.cases])
    return text + ["<details><summary>Every case</summary>", every, "</details>"]


def convolutions(report):
    """Table of convolutions: one row per layer and pass, one column per implementation."""
    rows, ways = {}, {}
    for b in report.benchmarks:
        part = b.name.split("/")
        if part[0] == "conv2d":
            ways[part[3]] = None
            rows.setdefault((part[1], part[2]), {})[part[3]] = (
                "–" if b.error else f"{b.microseconds:.1f}" + (f" ({b.flops / 1e12:.3g})" if b.flops else ""))
    return table(["layer", "pass", *ways], [[*row, *(cells.get(way, "") for way in ways)] for row, cells in rows.items()])


def figures(report):
    scaled = lambda value, unit: "" if value is None else number(value / unit)
    return table(["benchmark", "microseconds", "TFLOP/s", "GB/s", "share of copy"],
                 [[b.name, f"not run: {cell(b.error)}", "", "", ""] if b.error else
                  [b.name, f"{b.microseconds:.1f}", scaled(b.flops, 1e12), scaled(b.bytes, 1e9), scaled(b.share_of_copy, 1)]
                  for b in report.benchmarks])


def trainings(report):
    return table(["network", "options", "steps", "seconds", "steps/s", "PSNR, dB", "seconds in all"],
                 [[t.name, f"`{t.options}`", str(t.steps), f"{t.seconds:.2f}", number(t.steps / t.seconds if t.seconds else None),
                   "–" if t.psnr_db is None else f"{t.psnr_db:.2f}", f"{t.seconds_in_all:.0f}"] for t in report.trainings])


def sanitizers(report):
    text = [f"Kernel cases on the device that take less than {report.small_seconds} s without a sanitizer, shortest first, until the "
            "time is over. Only memcheck runs the cases named after cuBLAS, cuDNN or cuSOLVER, without their errors of API calls. "
            "The tools report errors of sound kernels with TMA and mbarriers: what they give for wgmma is no failure.",
            table(["tool", "result", "cases", "of", "seconds", "summary"],
                  [[s.title(), "**failed**" if s.failed else s.result(), str(s.cases), str(s.of), f"{s.seconds:.0f}", cell(s.summary)]
                   for s in report.sanitized])]
    for s in report.sanitized:
        text += [f"{s.title()}:\n\n" + "\n".join(f"- {cell(report)}" for report in s.reports)] if s.reports else []
        if s.log:
            text += [f"<details><summary>{s.title()}, first 60 lines</summary>", "\n".join("    " + line for line in s.log),
                     "</details>"]
    return text


def markdown(report):
    text = [f"# GPU check on {report.device}",
            table(["", ""], [[name, cell(value)] for name, value in {"verdict": verdict(report), **report.facts}.items()]),
            "## Tests", *tests(report)]
    if report.benchmarks:
        text += ["## Benchmarks", "### Convolutions: microseconds (TFLOP/s)", convolutions(report), "### All figures",
                 "Share: of the bandwidth of a copy within device memory. Bytes: the minimum that must be moved.",
                 figures(report)]
    if report.trainings:
        text += ["## Training", f"Colin27, {report.epochs} epochs; the seconds of training include the scores after each epoch.",
                 trainings(report)]
    if report.sanitized:
        text += ["## compute-sanitizer", *sanitizers(report)]
    return "\n\n".join(text) + "\n"
