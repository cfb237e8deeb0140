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


def best_peer(row, dtypes):
    """The fastest peer of the row's own dtype and the ratio of its time to the engine's. `dtypes`: by peer."""
    own = {peer: ms for peer, ms in row["peers"].items() if dtypes[peer] == row["dtype"]}
    best = min(own, key=own.get, default=None)
    return {"best_peer": best, "ratio_best_peer": own[best] / row["ours_ms"] if best else None}


def timings(name, device, dtype, row, seconds, dtypes):
    """What is known of a row from the seconds of its sides, "ours" and peers. `dtypes`: of the peers."""
    medians = {side: 1e3 * statistics.median(times) for side, times in seconds.items()}
    ours, pytorch = medians.pop("ours"), medians.get("pytorch")
    result = {"name": name, "device": device, "dtype": dtype, "ours_ms": ours, "ours_spread": spread(seconds["ours"]),
              "pytorch_ms": pytorch, "pytorch_spread": spread(seconds["pytorch"]) if pytorch else None,
              "pytorch_mode": None, "ratio": pytorch / ours if pytorch else None, "gflops": None, "share_of_limit": None,
              "max_rel_error": None, "row": row, "peers": medians,
              "peer_spreads": {side: spread(times) for side, times in seconds.items() if side != "ours"}}
    return {**result, **best_peer(result, dtypes)}


def number(value, digits=3):
    return "–" if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def table(header, lines):
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
                     + ["| " + " | ".join(line) + " |" for line in lines])


def columns(peers):
    """(title, text of a row) of the table of rows. `peers`: name → title, without PyTorch."""
    first = [("row", lambda r: r["name"]), ("dtype", lambda r: r["dtype"]), ("ours, ms", lambda r: number(r["ours_ms"])),
             ("spread", lambda r: number(r["ours_spread"], 2)), ("PyTorch, ms", lambda r: number(r["pytorch_ms"])),
             ("mode", lambda r: r["pytorch_mode"] or "–"), ("ratio", lambda r: number(r["ratio"]))]
    times = [(f"{title}, ms", lambda r, name=name: number(r["peers"].get(name))) for name, title in peers.items()]
    if peers:
        titles = {"pytorch": "PyTorch", **peers}
        times += [("fastest peer", lambda r: titles.get(r["best_peer"], "–")),
                  ("ratio to it", lambda r: number(r["ratio_best_peer"]))]
    limits = [("share", lambda r: number(r["share_of_limit"], 2)), ("error", lambda r: number(r["max_rel_error"], 2)),
              ("ours, MiB", lambda r: number(r.get("ours_mib"))), ("PyTorch, MiB", lambda r: number(r.get("pytorch_mib")))]
    memory = [(f"{title}, MiB", lambda r, name=name: number(r.get("peer_mib", {}).get(name))) for name, title in peers.items()]
    return first + times + limits + memory


def markdown(report):
    m, limits = report["machine"], report["limits"]
    theirs = "; ".join(f"{peer['title']} {peer['version']}, {peer['threads']} threads" for peer in m["peers"].values())
    peers = {name: peer["title"] for name, peer in m["peers"].items() if name != "pytorch"}
    text = [f"# {m['device']}, {m['processor']}, {m['date']}", "",
            f"`{m['command']}`, commit {m['commit']}. {m['cores']} cores, {m['threads']} threads; {theirs or 'no peers'}.", "",
            "Limits: " + ", ".join(f"{name} {number(value)} {'GB/s' if name == 'copy' else 'GFLOP/s'}"
                                   for name, value in limits.items()) + ".", "",
            "Ratio: PyTorch's time in its fastest mode over the engine's. Spread: interquartile range over median. Share: of the "
            "GEMM rate above. Error: norm of the difference from PyTorch in float64 over its norm, the largest of "
            "all results. Memory: growth of the process's peak; for a GPU, all memory held at once; slices one at a time. "
            "Rows volume_…: processes from file to file and their peaks.", ""]
    if peers:
        text += ["Fastest peer: among the peers that compute in the row's dtype (PyTorch does in both), with the ratio of its "
                 "time to the engine's. Without PyTorch, the error of a row in bfloat16 is that against the engine in float32.", ""]
    table_columns = columns(peers)
    text += [table([title for title, _ in table_columns], [[cell(r) for _, cell in table_columns] for r in report["rows"]]), ""]
    if report["growth"]:
        text += ["Growth of the engine's side, with the exponent of a power law fitted to it:", ""]
        lines = [[g["name"], g["parameter"], ", ".join(str(p["value"]) for p in g["points"]),
                  ", ".join(number(p["ms"]) for p in g["points"]), number(g["time_exponent"], 2),
                  ", ".join(number(p["mib"]) for p in g["points"]), number(g["memory_exponent"], 2)]
                 for g in report["growth"]]
        text += [table(["row", "parameter", "values", "ms", "exponent", "MiB", "exponent"], lines), ""]
    return "\n".join(text)
