"""Tables of methods by data set and scale, with differences from `analyse`."""

import json
from collections import defaultdict
from statistics import mean

from data import Refused
from plan import Cell, conditions_of
from runs import csv_text, write


def by_person(rows, metric):
    """(dataset, scale, regime, method) → subject → the mean over slices, then over seeds."""
    slices = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in rows:
        key = (row["dataset"], int(row["scale"]), row["regime"], row["method"])
        slices[key][row["subject"]][row["seed"]].append(float(row[metric]))
    return {
        key: {subject: mean(mean(values) for values in seeds.values()) for subject, seeds in people.items()}
        for key, people in slices.items()
    }


def seeds_of(rows, method, dataset, regime, scales):
    """The number of seeds of a method; one for each scale if they differ."""
    seeds = {(int(row["scale"]), row["seed"]) for row in rows
             if (row["method"], row["dataset"], row["regime"]) == (method, dataset, regime)}
    numbers = [sum(scale == own for own, _ in seeds) for scale in scales]
    return ", ".join(map(str, numbers if len(set(numbers)) > 1 else numbers[:1]))


class Analyses:
    """Runs `analyse` on the rows of one experiment, once for each question, and keeps the answers in WORK."""

    def __init__(self, runner, rows, name, work):
        self.runner, self.work, self.name, self.rows = runner, work, name, rows
        self.number = 0

    def differences(self, pairs, *, scale, regime, dataset):
        """method → its difference to its base, for pairs of a method and a base, over the seeds that both have: with other
        seeds for the base, a difference between seeds would look like one between methods. Classical methods have one seed,
        0, which is compared with all."""
        own = [r for r in self.rows if (int(r["scale"]), r["regime"], r["dataset"]) == (scale, regime, dataset)]
        groups = defaultdict(list)
        for pair in pairs:
            if common := common_seeds(own, *pair):
                groups[common].append(pair)
        found = {}
        for seeds, group in groups.items():
            methods = list(dict.fromkeys(name for pair in group for name in pair))
            answer = self.run(methods, group[0][1], scale=scale, regime=regime, datasets=[dataset], pairs=group, seeds=seeds)
            if answer:
                found |= {pair["method"]: pair for pair in answer["panel_b"]["psnr_db"]["datasets"][dataset]["pairs"]}
        return found

    def run(self, methods, reference, *, scale, datasets, regime=None, splits=None, pairs=(), interaction=None, figure=None, seeds=None):
        """The JSON of an analysis of a regime, or over random splits, whose numbers of training and test people are `splits`;
        of these seeds, or of all. None if `analyse` refuses, with the reason printed."""
        self.number += 1
        scores, out = (self.work / f"{what}-{self.name}-{self.number}" for what in ("scores", "analysis"))
        scores, out = scores.with_suffix(".csv"), out.with_suffix(".json")
        write(scores, csv_text(r for r in self.rows if seeds is None or r["seed"] in seeds))
        options = [x for method in methods for x in ("--method", method)]
        options += [x for dataset in datasets for x in ("--dataset", dataset)]
        options += [x for pair in pairs for x in ("--pair", *pair)]
        if interaction:
            options += ["--interaction", *interaction]
        options += ["--repeated-splits", *splits] if splits else ["--regime", regime]
        if figure:
            options += ["--figure", figure]
        try:
            self.runner.tool("analyse", scores, "--reference", reference, "--scale", scale, "--json", out, "--force", *options)
        except Refused as error:
            print(f"no analysis of {regime or 'the splits'}, ×{scale}: {error}")
            return None
        return json.loads(out.read_text())


def common_seeds(rows, method, base):
    """The seeds over which a method is compared with a base, as a frozenset: those of both. A classical method has the seed 0 only,
    and is compared with all seeds of the other one."""
    seeds, of_base = ({r["seed"] for r in rows if r["method"] == name} for name in (method, base))
    if not seeds or not of_base:
        return frozenset()
    if "0" in seeds | of_base:
        return frozenset(seeds | of_base)
    return frozenset(seeds & of_base)


def difference(contrast, decimals):
    return f"{contrast['mean']:+.{decimals}f} ± {contrast['ci95_half_width']:.{decimals}f}"


def difference_with_seeds(contrast):
    """With the interval over seeds if there are several."""
    return difference(contrast, 2) if contrast["over_seeds"]["ci95_half_width"] is None else effect(contrast, 2)


def comparison(experiment, rows, settings, data, analyses):
    """Markdown of a table: a row for each method, for each data set and scale PSNR, SSIM and the difference to its base."""
    methods = experiment["methods"]
    bases = experiment.get("bases", {})
    psnr, ssim = by_person(rows, "psnr_db"), by_person(rows, "ssim")
    text = ""
    for regime in experiment.get("regimes", ["100 %"]):
        for dataset in experiment["datasets"]:
            people = 0
            columns = []
            for scale in experiment.get("scales", [2]):
                present = [m for m in methods if (dataset, scale, regime, m) in psnr]
                pairs = [(m, bases[m]) for m in present if m in bases]
                columns.append((scale, analyses.differences(pairs, scale=scale, regime=regime, dataset=dataset)))
                people = max([people] + [len(psnr[dataset, scale, regime, m]) for m in present])
            heads = "".join(f" ×{scale} PSNR, dB | SSIM | difference, dB |" for scale, _ in columns)
            text += f"\n**{data.title(dataset)}**, {regime}, {people} test people\n\n| method |{heads} against | seeds |\n"
            text += "|---|" + "---|---|---|" * len(columns) + "---|---|\n"
            for method in methods:
                cells = ""
                for scale, found in columns:
                    key = (dataset, scale, regime, method)
                    if key not in psnr:
                        cells += " | | |"
                        continue
                    change = difference_with_seeds(found[method]) if method in found else ""
                    cells += f" {mean(psnr[key].values()):.2f} | {mean(ssim[key].values()):.4f} | {change} |"
                base = settings.title(bases[method]) if method in bases else ""
                scales = [scale for scale, _ in columns]
                seeds = seeds_of(rows, method, dataset, regime, scales) if settings.is_trained(method) else ""
                text += f"| {settings.title(method)} |{cells} {base} | {seeds} |\n"
    return text


def splits(experiment, rows, settings, data, analyses):
    """Markdown of a table over random splits: means over the splits, and differences with Nadeau and Bengio's interval."""
    bases, scale = experiment["bases"], experiment["scales"][0]
    psnr, ssim = by_person(rows, "psnr_db"), by_person(rows, "ssim")
    text = ""
    for dataset in experiment["datasets"]:
        regimes = [r for r in experiment["regimes"] if any((dataset, scale, r, m) in psnr for m in experiment["methods"])]
        if not regimes:
            text += f"\n**{data.title(dataset)}**: no run is finished.\n"
            continue
        methods = [m for m in experiment["methods"] if all((dataset, scale, r, m) in psnr for r in regimes)]
        counts = settings.split_counts(dataset)
        pairs = [(m, bases[m]) for m in methods if bases.get(m) in methods]
        answer = None
        if pairs and len(regimes) > 1:
            answer = analyses.run(methods, methods[0], scale=scale, splits=counts, datasets=[dataset], pairs=pairs)
        found = answer["panel_b"]["psnr_db"]["datasets"][dataset]["pairs"] if answer else []
        changes = {pair["method"]: pair["repeated_splits"] for pair in found}
        noun = "split" if len(regimes) == 1 else "splits"
        text += f"\n**{data.title(dataset)}**, {len(regimes)} {noun}, {counts[0]} train and {counts[1]} test\n\n"
        text += "| method | PSNR, dB | SSIM | difference, dB | against |\n|---|---|---|---|---|\n"
        for method in methods:
            means = [mean(mean(table[dataset, scale, r, method].values()) for r in regimes) for table in (psnr, ssim)]
            change = f"{difference(changes[method], 2)} | {settings.title(bases[method])}" if method in changes else " | "
            text += f"| {settings.title(method)} | {means[0]:.2f} | {means[1]:.4f} | {change} |\n"
    return text


def effects(experiment, rows, settings, data, analyses):
    """Markdown of the differences to the base: a row for each method, a column for each condition, for each data set."""
    base, text = experiment["base"], ""
    conditions = conditions_of(experiment)
    psnr = by_person(rows, "psnr_db")
    for dataset in experiment["datasets"]:
        found = {}
        for scale, regime in conditions:
            pairs = [(m, base) for m in experiment["methods"] if m != base]
            found[scale, regime] = analyses.differences(pairs, scale=scale, regime=regime, dataset=dataset)
        heads = "".join(f" ×{scale}, {regime} |" for scale, regime in conditions)
        text += f"\n**{data.title(dataset)}**\n\n| method |{heads}\n|---|" + "---|" * len(conditions) + "\n"
        text += f"| {settings.title(base)}, PSNR in dB |"
        for scale, regime in conditions:
            scores = psnr.get((dataset, scale, regime, base))
            text += f" {mean(scores.values()):.2f} |" if scores else " |"
        text += "\n"
        for method in experiment["methods"]:
            if method != base:
                cells = "".join(f" {effect(found.get(condition, {}).get(method))} |" for condition in conditions)
                text += f"| {settings.title(method)} |{cells}\n"
        if "choices" in experiment:
            validation = validation_psnr(analyses.runner, rows, dataset)
            text += f"\n| weight chosen on the validation people |{heads}\n|---|" + "---|" * len(conditions) + "\n"
            for term, methods in experiment["choices"].items():
                cells = ""
                for condition in conditions:
                    method = chosen(methods, base, {m: validation.get((*condition, m), {}) for m in [*methods, base]})
                    test = effect(found.get(condition, {}).get(method))
                    cells += f" {settings.title(method)}: {test} |" if test else " |"
                text += f"| {term} |{cells}\n"
    return text


def validation_psnr(runner, rows, dataset):
    """(scale, regime, method) → seed → PSNR of the validation people at the end of the training."""
    found = defaultdict(dict)
    for key in {(int(r["scale"]), r["regime"], r["method"], int(r["seed"])) for r in rows if r["dataset"] == dataset}:
        curve = json.loads(runner.record(Cell(dataset, *key)).read_text())["curve"]
        found[key[:3]][key[3]] = curve[-1][1]
    return found


def chosen(methods, base, validation):
    """The method with the highest mean PSNR of the validation people over the seeds that all of them and the base have; None
    if they have none in common."""
    seeds = set.intersection(*(set(validation[method]) for method in [*methods, base]))
    return max(methods, key=lambda method: mean(validation[method][seed] for seed in seeds)) if seeds else None


def effect(contrast, decimals=3):
    """A difference with its intervals over people and over seeds, bold if both exclude 0."""
    if not contrast:
        return ""
    seeds = contrast["over_seeds"]["ci95_half_width"]
    text = f"{difference(contrast, decimals)} ± {'?' if seeds is None else f'{seeds:.{decimals}f}'}"
    return f"**{text}**" if contrast["both_intervals_exclude_0"] else text
