"""Figures that need several runs: curves with bands and scores against the share of training people, drawn by gnuplot."""

import json
import subprocess
from collections import defaultdict
from statistics import mean

from data import Refused

COLOURS = ["#1b6ca8", "#d1495b", "#edae49", "#3c896d", "#7b5ea7", "#6b6b6b", "#00a6a6", "#9b5de5"]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def gnuplot(png, charts, x_label, y_label):
    """Draws charts side by side. A chart is (title, curves), a curve (name, [(x, y, low, high)])."""
    script = [f"set terminal pngcairo size {640 * len(charts)},480 font 'DejaVu Sans,10'", f"set output {quoted(str(png))}",
              f"set multiplot layout 1,{len(charts)}", "set grid lc rgb '#dddddd'; set border 3; set tics nomirror",
              "set key outside top center horizontal noenhanced; set style fill transparent solid 0.15 noborder",
              f"set xlabel {quoted(x_label)}; set ylabel {quoted(y_label)}"]
    for title, curves in charts:
        script.append(f"set title {quoted(title)} noenhanced")
        parts = []
        for number, (name, points) in enumerate(c for c in curves if c[1]):
            script += [f"$c{number} << EOD", *(" ".join(map(str, p)) for p in points), "EOD"]
            colour = COLOURS[number % len(COLOURS)]
            parts.append(f"$c{number} using 1:3:4 with filledcurves lc rgb '{colour}' notitle")
            parts.append(f"$c{number} using 1:2 with linespoints pt 7 ps .4 lw 2 lc rgb '{colour}' title {quoted(name)}")
        script.append("plot " + ", ".join(parts) if parts else "plot 0 title 'no runs'")
    script.append("unset multiplot")
    result = subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, capture_output=True, check=False)
    if result.returncode != 0:
        raise Refused(f"gnuplot failed: {result.stderr.strip()[:200]}")


def validation_curves(experiment, cells, settings, data, runner, png):
    """Paper Fig. 9: PSNR of validation people over the steps, mean over seeds with the band from minimum to maximum."""
    charts, notes = [], []
    for dataset in experiment["datasets"]:
        curves = []
        for method in experiment["methods"]:
            runs = [c for c in cells if c.dataset == dataset and c.method == method and runner.is_done(c)]
            by_step = defaultdict(list)
            for cell in runs:
                for step, psnr in json.loads(runner.record(cell).read_text())["curve"]:
                    by_step[step].append(psnr)
            points = [(s, mean(v), min(v), max(v)) for s, v in sorted(by_step.items()) if len(v) == len(runs)]
            if points:
                curves.append((settings.title(method), points))
        charts.append((data.title(dataset), curves))
        notes.append(separation(data.title(dataset), curves))
    gnuplot(png, charts, "step", "PSNR of validation people, dB")
    return "\n\n".join(notes)


def separation(title, curves):
    """From which step on the band of the first curve and that of each other one stay apart."""
    if len(curves) < 2:
        return f"{title}: fewer than two curves."
    name, reference = curves[0]
    low = {p[0]: (p[2], p[3]) for p in reference}
    parts = []
    for other, points in curves[1:]:
        apart = None
        for step, _, lowest, highest in points:
            overlap = step in low and lowest <= low[step][1] and highest >= low[step][0]
            apart = None if overlap else (apart or step)
        parts.append(f"{other} {'never' if apart is None else f'from step {apart}'}")
    return f"{title}: the bands (minimum to maximum over the seeds) lie apart from that of {name} until the end: {', '.join(parts)}."


def regimes(experiment, people_scores, settings, data, png):
    """Paper Fig. 15: PSNR over the share of training people; one chart for each data set and form."""
    charts = []
    for dataset in experiment["datasets"]:
        for form, names in experiment["forms"].items():
            curves = []
            for method in experiment["methods"]:
                points = []
                for share, regime in names.items():
                    scores = people_scores.get((dataset, experiment["scales"][0], regime, method))
                    if scores:
                        value = mean(scores.values())
                        points.append((int(share), value, value, value))
                if points:
                    curves.append((settings.title(method), sorted(points)))
            charts.append((f"{data.title(dataset)}, {form}", curves))
    gnuplot(png, charts, "share of the training people, %", "PSNR of test people, dB")
