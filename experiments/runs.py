"""Runs cells: trains, evaluates, and keeps a record of each, so that what is done is never done again."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from data import Refused
from processes import Processes

COLUMNS = ["dataset", "subject", "slice", "method", "scale", "regime", "seed", "psnr_db", "ssim"]


def write(path, text):
    """Writes a file that is either absent or whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


def csv_text(rows):
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def json_lines(record):
    """JSON with one line for each member."""
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()) + "\n}\n"


def commit():
    """The commit of the project; empty outside a git repository."""
    command = ["git", "-C", Path(__file__).resolve().parent, "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def processor():
    """The name of the processor; empty where Linux does not tell it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


class Runner:
    """Records lie in OUT/records: SLUG.csv holds the scores of every slice, SLUG.json the description of the run. Weights and
    databases lie in WORK; a record is complete without them."""

    def __init__(self, settings, data, bin_folder, out, work, jobs):
        self.settings, self.data = settings, data
        self.bin, self.records, self.work = bin_folder, out / "records", work
        self.jobs = jobs
        self.making_database = threading.Lock()
        threads = max(1, (os.cpu_count() or 1) // jobs)
        self.origin = {"commit": commit(), "processor": processor()}
        self.processes = Processes(os.environ | {"OMP_NUM_THREADS": str(threads)})

    def is_done(self, cell):
        return self.record(cell).exists()

    def record(self, cell):
        return self.records / f"{cell.slug}.json"

    def weights(self, cell):
        return self.work / "runs" / cell.slug / "weights.safetensors"

    def tool(self, name, *arguments):
        """Runs a tool. Its output goes to WORK/tools.log; an error becomes one sentence."""
        command = [str(self.bin / name), *map(str, arguments)]
        status, output, errors = self.processes.run(command)
        with open(self.work / "tools.log", "a") as log:
            log.write(" ".join(command) + "\n" + output + errors + "\n")
        if status != 0:
            raise Refused(f"{name} failed: {(errors or output).strip().splitlines()[-1:]}")
        return output

    def run_all(self, cells, deadline=None):
        """Runs the cells that have no record; returns those that are still missing after `deadline` (a time) or a failure."""
        missing = [cell for cell in cells if not self.is_done(cell)]
        missing.sort(key=lambda cell: cell.seed)  # one seed of everything first
        print(f"{len(cells) - len(missing)} of {len(cells)} runs are done", flush=True)
        failures = {}
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                pending = {pool.submit(self.run, cell, deadline): cell for cell in missing}
                for number, finished in enumerate(as_completed(pending), 1):
                    cell = pending[finished]
                    try:
                        seconds = finished.result()
                    except Refused as error:
                        failures[cell] = str(error)
                        print(f"[{number}/{len(missing)}] {cell.slug}: {error}", flush=True)
                    else:
                        if seconds is not None:
                            print(f"[{number}/{len(missing)}] {cell.slug}: {seconds:.0f} s", flush=True)
            except KeyboardInterrupt:
                self.processes.stop()
                pool.shutdown(cancel_futures=True)
                raise
        return failures

    def run(self, cell, deadline=None):
        """Runs one cell and returns its seconds; None after the deadline."""
        if deadline and time.time() > deadline:
            return None
        start = time.time()
        record = {"cell": vars(cell), "level": self.settings.level_name, "data": self.data.title(cell.dataset)}
        record |= self.origin | {"date": time.strftime("%Y-%m-%d", time.gmtime(start))}
        if self.settings.is_trained(cell.method):
            record |= self.train(cell)
            method = ["--weights", self.weights(cell), "--label", cell.method]
        else:
            method = ["--method", self.classical(cell), *self.settings.degradation_options(cell)]
        rows = self.evaluate(cell, method)
        write(self.records / f"{cell.slug}.csv", rows)
        write(self.record(cell), json_lines(record | {"seconds": round(time.time() - start, 1)}))
        return time.time() - start

    def train(self, cell):
        folder = self.work / "runs" / cell.slug
        options = self.settings.training_options(cell) + self.data.axis_options(cell.dataset)
        is_begun = (folder / "checkpoint.safetensors").exists()
        is_trained = self.weights(cell).exists()
        if not is_trained:
            if is_begun:
                self.tool("train_dnsp", "--resume", "--out", folder)
            else:
                self.tool("train_dnsp", *self.training_data(cell), *options, "--seed", cell.seed, "--out", folder)
        with open(folder / "log.jsonl") as log:
            events = [json.loads(line) for line in log]
        return {
            "options": " ".join(options),
            "parameters": next(e["parameters"] for e in events if e["event"] == "start"),
            "steps": max(e["step"] for e in events),
            "curve": [[e["step"], round(e["psnr_db"], 4)] for e in events if e["event"] == "epoch"],
            "bicubic_db": next(e["bicubic"]["psnr_db"] for e in events if e["event"] == "start"),
            "resumed": is_begun or is_trained,
        }

    def register_pairs(self, folder, out):
        """Registers a folder of pairs of pictures. A pair that fails is missing in `out`."""
        script = Path(__file__).resolve().parent.parent / "scripts/register_pairs"
        self.processes.run([script, self.bin.parent, folder, out])

    def pairs(self, cell, part):
        return self.data.pair_folders(cell.dataset, part, cell.regime, self.tool, self.register_pairs)

    def training_data(self, cell):
        """The options of train_dnsp that name its data."""
        if self.data.has_pairs(cell.dataset):
            return ["--pairs", *self.pairs(cell, "train"), "--validation-pairs", *self.pairs(cell, "validation")]
        validation = [x for path in self.data.files(cell.dataset, "validation") for x in ("--validation", path)]
        return [*self.data.training_files(cell.dataset, cell.regime), *validation]

    def classical(self, cell):
        """The text of evaluate --method, with the database made."""
        text = self.settings.methods[cell.method]["classical"]
        if "{database}" not in text:
            return text
        with self.making_database:
            return text.format(database=self.database(cell))

    def database(self, cell):
        """The SRSW database of the cell's data set, scale and regime; made if it does not exist."""
        name = re.sub("[^a-z0-9]+", "-", f"{cell.dataset}-x{cell.scale}-{cell.regime}".lower())  # a text of options has no commas
        path = self.work / "databases" / f"{name}.srsw"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            condition = self.settings.regimes[cell.regime]
            pairs = round(self.settings.level["srsw_pairs"] * condition.get("share", 1.0))
            self.tool("train_srsw", *self.data.training_files(cell.dataset, cell.regime), "--out", path, "--pairs", pairs,
                      *self.settings.degradation_options(cell), *self.data.axis_options(cell.dataset), "--force")
        return path

    def evaluate(self, cell, method):
        """The rows of the cell, with the names of the experiment."""
        scores = self.work / f"{cell.slug}.csv"
        pairs = self.data.has_pairs(cell.dataset)
        images = ["--pairs", *self.pairs(cell, "test")] if pairs else self.data.files(cell.dataset, "test")
        if pairs and not self.settings.is_trained(cell.method):
            method = []  # The input is scored without a method.
        self.tool("evaluate", *images, *method, "--csv", scores, "--force", "--dataset", cell.dataset,
                  "--regime", cell.regime, "--slice-step", self.settings.level["test_slice_step"],
                  *self.data.axis_options(cell.dataset))
        named = self.settings.is_trained(cell.method)
        names = {"method": cell.method, "regime": cell.regime, "seed": cell.seed, "scale": cell.scale}
        with open(scores) as file:
            rows = [row | names for row in csv.DictReader(file) if not named or row["method"] == cell.method]
        scores.unlink()
        return csv_text(rows)

    def discard(self, cell):
        """Removes the folder of a run whose record exists."""
        shutil.rmtree(self.work / "runs" / cell.slug, ignore_errors=True)

    def collect(self, cells, path):
        """Writes the scores of all finished cells as one CSV file and returns its rows."""
        rows = []
        for cell in cells:
            if self.is_done(cell):
                with open(self.records / f"{cell.slug}.csv") as file:
                    rows += list(csv.DictReader(file))
        write(Path(path), csv_text(rows))
        return rows
