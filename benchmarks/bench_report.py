"""Evaluation of scripts/bench: spread, exponents, and the report in Markdown."""

import math
import statistics


def spread(seconds):
    if len(seconds) < 2:
        return 0.0
    quarter, median, three_quarters = statistics.quantiles(seconds, n=4)
    return (three_quarters - quarter) / median


def exponent(points, field):
    """Slope of the least-squares line through the logarithms: time or memory grows like value^exponent."""
    xs, ys = [math.log(p["value"]) for p in points], [math.log(max(p[field], 1e-9)) for p in points]
    return statistics.linear_regression(xs, ys).slope


def number(value, digits=3):
    return "–" if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def table(header, lines):
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
                     + ["| " + " | ".join(line) + " |" for line in lines])


def markdown(report):
    m, limits = report["machine"], report["limits"]
    theirs = f"PyTorch {m['pytorch']['version']}, {m['pytorch']['threads']} threads" if m["pytorch"] else "no PyTorch"
    text = [f"# {m['device']}, {m['processor']}, {m['date']}", "",
            f"`{m['command']}`, commit {m['commit']}. {m['cores']} cores, {m['threads']} threads; {theirs}.", "",
            "Limits: " + ", ".join(f"{name} {number(value)} {'GB/s' if name == 'copy' else 'GFLOP/s'}"
                                   for name, value in limits.items()) + ".", "",
            "Ratio: PyTorch's time in its fastest mode over the engine's. Spread: interquartile range over median. Share: of the "
            "GEMM rate above. Error: norm of the difference from PyTorch in float64 over its norm, the largest of "
            "all results. Memory: growth of the process's peak; for a GPU, all memory held at once; slices one at a time.", ""]
    rows = [[r["name"], r["dtype"], number(r["ours_ms"]), number(r["ours_spread"], 2), number(r["pytorch_ms"]),
             r["pytorch_mode"] or "–", number(r["ratio"]), number(r["share_of_limit"], 2), number(r["max_rel_error"], 2),
             number(r.get("ours_mib")), number(r.get("pytorch_mib"))] for r in report["rows"]]
    text += [table(["row", "dtype", "ours, ms", "spread", "PyTorch, ms", "mode", "ratio", "share", "error", "ours, MiB",
                    "PyTorch, MiB"], rows), ""]
    if report["growth"]:
        text += ["Growth of the engine's side, with the exponent of a power law fitted to it:", ""]
        lines = [[g["name"], g["parameter"], ", ".join(str(p["value"]) for p in g["points"]),
                  ", ".join(number(p["ms"]) for p in g["points"]), number(g["time_exponent"], 2),
                  ", ".join(number(p["mib"]) for p in g["points"]), number(g["memory_exponent"], 2)]
                 for g in report["growth"]]
        text += [table(["row", "parameter", "values", "ms", "exponent", "MiB", "exponent"], lines), ""]
    return "\n".join(text)
