"""How `register` fared on pairs of pictures: a table of its records, and pictures of some pairs."""

import json
from collections import defaultdict


def registration(experiment, data, runner, out):
    """Markdown of the records by person and contrast, and the pictures of the examples, which are drawn to `out`."""
    dataset = experiment["datasets"][0]
    made = data.made_pairs(dataset, runner.tool, runner.register_pairs)
    records = defaultdict(list)
    for path in sorted((made / "records").glob("*.json")):
        person, contrast, _ = path.stem.split("_")
        records[person, contrast].append(json.loads(path.read_text()))
    text = "\n| person | contrast | slices | scale | rotation, degrees | Dice coefficient of the foregrounds | warnings |\n"
    text += "|---|---|---|---|---|---|---|\n"
    for (person, contrast), found in sorted(records.items()):
        warnings = sum(bool(record["warnings"]) for record in found)
        cells = [
            span([record["scale"] for record in found], 3),
            span([record["rotation_degrees"] for record in found], 1),
            span([record["foreground_dice"] for record in found], 2),
        ]
        text += f"| {person} | {contrast} | {len(found)} | {' | '.join(cells)} | {warnings} |\n"
    folder = data.folder / data.settings.datasets[dataset]["folder"]
    pictures = []
    for name in experiment["examples"]:
        pictures.append(f"{experiment['output']}_{name}.png")
        runner.tool("register", folder / f"{name}_high.png", folder / f"{name}_low.png", data.work / f"{name}.png", "--figure",
                    out / pictures[-1], "--force")
    return text, pictures


def span(values, decimals):
    return f"{min(values):.{decimals}f} to {max(values):.{decimals}f}"
