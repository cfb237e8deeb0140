"""The experiments as cells: one cell is one method on one data set at one scale under one condition with one seed."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, order=True)
class Cell:
    dataset: str
    scale: int
    regime: str
    method: str
    seed: int

    @property
    def slug(self):
        """A file name. The hash tells names apart that differ in special characters only."""
        text = f"{self.dataset}-x{self.scale}-{self.regime}-{self.method}-s{self.seed}"
        plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()
        return f"{plain}-{hashlib.sha1(text.encode()).hexdigest()[:6]}"


class Settings:
    """experiments/settings.toml at one level of effort."""

    def __init__(self, level, most_seeds=None):
        with open(FOLDER / "settings.toml", "rb") as file:
            content = tomllib.load(file)
        self.level_name = level
        self.most_seeds = most_seeds
        self.level = content["levels"][level]
        self.datasets = content["datasets"]
        self.substitutes = content["substitutes"]
        self.methods = content["methods"]
        self.regimes = content["regimes"]

    def is_trained(self, method):
        return "train" in self.methods[method]

    def seeds(self, method, kind):
        """The seeds of a method in an experiment: 0 for a classical method."""
        if not self.is_trained(method):
            return [0]
        kind = self.methods[method].get("seeds", kind)
        if kind == "many":
            kind = "srcnn" if "srcnn" in self.methods[method]["train"] else "edsr"
        seeds = list(range(1, self.level["seeds"][kind] + 1))
        return seeds[: self.most_seeds]

    def schedule(self, regime):
        """The options and the number of epochs. With fixed steps, fewer people are seen more often."""
        condition = self.regimes[regime]
        schedule = self.level[condition.get("schedule", "paper")]
        if "steps" in schedule:
            return f"{schedule['options']} --steps {schedule['steps']}"
        epochs = schedule["epochs"]
        if condition.get("fixed_steps"):
            epochs = round(epochs / condition["share"])
        return f"{schedule['options']} --epochs {epochs}"

    def training_options(self, cell):
        """Options of train_dnsp besides inputs, seed and output."""
        method = self.methods[cell.method]
        text, schedule = method["train"], self.schedule(cell.regime)
        if "quick" in method and self.level_name == "quick":
            text = method["quick"]
        elif method.get("schedule", True):
            text += " {schedule}"
        edsr = self.level["edsr"].format(unshuffle=max(2, cell.scale))
        text = text.format(edsr=edsr, schedule=schedule)
        text += " " + self.regimes[cell.regime].get("options", "")
        return text.split() + self.degradation_options(cell)

    def degradation_options(self, cell):
        condition = self.regimes[cell.regime]
        options = condition.get("degradation", "").split()
        return options if condition.get("same_grid") else [*options, "--scale", str(cell.scale)]

    def split_counts(self, dataset):
        """The numbers of training and test people of a data set's random splits."""
        first = next(iter(self.datasets[dataset]["splits"].values()))
        return len(first["train"]), len(first["test"])

    def title(self, method):
        """The name of a method in a table: EDSR of another size than the paper's is named by its size."""
        return method.replace("EDSR", self.level["edsr_name"])


def experiments(level):
    """All descriptions in the order of their file names, with the changes that a description makes for the level."""
    found = {}
    for path in sorted(FOLDER.glob("*.toml")):
        if path.stem != "settings":
            with open(path, "rb") as file:
                description = tomllib.load(file)
            found[path.stem] = description | description.get(level, {})
    return found


def cells_of(experiment, settings):
    """The cells that an experiment needs, without repetition, in the order of the description."""
    cells = []
    for dataset in experiment.get("datasets", []):
        for scale, regime in conditions_of(experiment):
            for method in experiment.get("methods", []):
                for seed in settings.seeds(method, experiment.get("seeds", "one")):
                    cells.append(Cell(dataset, scale, regime, method, seed))
    return list(dict.fromkeys(cells))


def conditions_of(experiment):
    """The pairs of scale and regime: those listed under `conditions`, else every scale with every regime."""
    if "conditions" in experiment:
        return [(scale, regime) for regime, scales in experiment["conditions"].items() for scale in scales]
    return [(scale, regime) for scale in experiment.get("scales", [2]) for regime in experiment.get("regimes", ["100 %"])]
