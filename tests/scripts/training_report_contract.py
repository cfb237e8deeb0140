"""The page of `train_dnsp --report` and `plot_training --report` in a headless browser.

Usage: training_report_contract.py FOLDER [--update], the build folder. Needs selenium, Pillow, NiBabel, Chromium and its driver.
The page of the invented run in tests/fixtures/report is compared with stored pictures, which --update draws anew. They hold no
text, so they do not depend on the fonts of a machine; the run was not computed, so they do not depend on its processor.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report_browser import ActionChains, By, Image, Keys, data_of, drawn, nibabel, numpy, open_browser, pixels, require_quiet

BIN = Path(sys.argv[1]) / "bin"
FIXTURE = Path(__file__).resolve().parent.parent / "fixtures/report"
HIDE_TEXT = """const style = document.createElement("style");
style.textContent = ".legend, figcaption { display: none !important } svg text { fill: transparent !important }";
document.head.appendChild(style);"""


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result


def move(slider, to):
    while int(slider.get_attribute("value")) > to:
        slider.send_keys(Keys.ARROW_LEFT)
    while int(slider.get_attribute("value")) < to:
        slider.send_keys(Keys.ARROW_RIGHT)
    time.sleep(0.5)  # the browser decodes pictures beside the script


def legend(chart):
    """The names and the values in the legend of a chart, as they are shown."""
    items = chart.find_elements(By.CSS_SELECTOR, ".legend > span")[:-1]
    return {item.text.rsplit(" ", 1)[0]: float(item.find_element(By.TAG_NAME, "output").text.replace("−", "-")) for item in items}


def close(shown, exact):
    """Values are shown with at least four digits."""
    return abs(shown - exact) <= 6e-4 * abs(exact)


def near(mask):
    """The pixels that are at most one pixel from the mask."""
    padded = numpy.pad(mask, 1)
    height, width = mask.shape
    return numpy.any([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)


def difference_of_lines(shown, stored):
    """The largest share of coloured pixels of one picture without pixels of that colour near them in the other one."""
    assert shown.shape == stored.shape, (shown.shape, stored.shape)
    worst = 0.0
    # Pixels that lack red, green or blue, and dark ones. Frames and grids are light grey.
    inks = [lambda image, c=c: image.max(axis=2) - image[..., c] > 60 for c in range(3)] + [lambda image: image.max(axis=2) < 140]
    for ink in inks:
        masks = [ink(shown), ink(stored)]
        for mask, other in (masks, masks[::-1]):
            worst = max(worst, float(numpy.mean(~near(other)[mask])) if mask.any() else 0.0)
    return worst


def difference_of_pictures(shown, stored):
    assert shown.shape == stored.shape, (shown.shape, stored.shape)
    return float(numpy.abs(shown - stored).mean())


def drawn_without_text(browser, page, change="", frame=None):
    """The charts and the first sample. `change` is a script that changes the first curve, `frame` a position of the slider."""
    browser.get(page.as_uri())
    browser.execute_script(HIDE_TEXT)
    browser.execute_script("const curve = document.querySelector('#charts polyline');" + change)
    slider = browser.find_element(By.ID, "epoch")
    move(slider, int(slider.get_attribute("max")) if frame is None else frame)
    return [drawn(browser.find_element(By.CSS_SELECTOR, view), "RGB") for view in ("#charts", ".sample")]


def check_stored_pictures(browser, page, update):
    """Compares the drawn page with the stored pictures, and finds that they tell a change."""
    charts, sample = drawn_without_text(browser, page)
    if update:
        for picture, name in ((charts, "charts"), (sample, "samples")):
            Image.fromarray(picture.astype(numpy.uint8)).save(FIXTURE / f"{name}.png", optimize=True)
    stored = [numpy.asarray(Image.open(FIXTURE / f"{name}.png").convert("RGB"), float) for name in ("charts", "samples")]
    lines, pictures = difference_of_lines(charts, stored[0]), difference_of_pictures(sample, stored[1])
    assert lines < 0.02 and pictures < 3, (lines, pictures)
    for change in ("curve.remove()", "curve.setAttribute('transform', 'translate(0 6)')"):
        lines = difference_of_lines(drawn_without_text(browser, page, change)[0], stored[0])
        assert lines > 0.02, (change, lines)
    pictures = difference_of_pictures(drawn_without_text(browser, page, frame=1)[1], stored[1])
    assert pictures > 3, pictures
    require_quiet(browser, page)


def check_pictures_of_page(browser, data):
    """The slider shows the pictures of its step."""
    slider = browser.find_element(By.ID, "epoch")
    frames = data["samples"][0]["frames"]
    assert int(slider.get_attribute("max")) == len(frames) - 1
    shown = []
    for k in (0, len(frames) - 1):
        move(slider, k)
        figures = browser.find_elements(By.CSS_SELECTOR, ".sample")[0].find_elements(By.TAG_NAME, "figure")
        network = drawn(figures[1].find_element(By.TAG_NAME, "img"))
        # Every pixel becomes a block, whose middle is compared.
        stored = pixels(frames[k]["image"])
        rows = ((numpy.arange(stored.shape[0]) + 0.5) * network.shape[0] / stored.shape[0]).astype(int)
        columns = ((numpy.arange(stored.shape[1]) + 0.5) * network.shape[1] / stored.shape[1]).astype(int)
        assert numpy.median(numpy.abs(network[rows][:, columns] - stored)) <= 2, k
        assert f"after step {frames[k]['step']}, {frames[k]['psnr_db']:.2f} dB" in figures[1].text, figures[1].text
        shown.append(network)
    assert numpy.abs(shown[1] - shown[0]).mean() > 0.2, "the slider changes the picture"


def check_numbers(browser, data, log):
    """The numbers that the page shows are those of the log."""
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [e for e in entries if e["event"] == "step"]
    epochs = [e for e in entries if e["event"] == "epoch"]
    charts = dict(zip([c["title"] for c in data["charts"]], browser.find_elements(By.CSS_SELECTOR, "#charts figure")))
    loss = charts["Training loss"]
    assert close(legend(loss)["loss"], steps[-1]["loss"])
    assert close(legend(charts["Held-out PSNR"])["network"], epochs[-1]["psnr_db"])
    assert close(legend(charts["Held-out PSNR"])["input"], entries[0]["bicubic"]["psnr_db"])
    assert close(legend(charts["Held-out SSIM"])["network"], epochs[-1]["ssim"])
    norms = legend(charts["Gradient norm of the loss with respect to the parameters"])
    assert norms.keys() == {"network", "filters"}
    for name, norm in norms.items():
        assert close(norm, steps[-1]["parameter_gradient_norm"][name])
    terms = legend(charts["Terms of the loss, weight · value"])
    assert close(terms["−0.005 · learned_sharpness"], -5e-3 * steps[-1]["terms"]["learned_sharpness"]), terms
    # The pointer shows the values of the step below it.
    svg = loss.find_element(By.TAG_NAME, "svg")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", svg)
    ActionChains(browser).move_to_element_with_offset(svg, -svg.size["width"] // 4, 0).perform()
    text = loss.find_element(By.CSS_SELECTOR, ".legend > span:last-child").text
    step = int(text.split()[1])
    assert 1 <= step < len(steps), text
    assert close(legend(loss)["loss"], steps[step - 1]["loss"])
    facts = browser.find_element(By.ID, "facts").text
    assert f"{epochs[-1]['psnr_db']:.2f} dB" in facts and f"{len(steps)} of {len(steps)}" in facts, facts
    assert str(entries[0]["parameters"]) in facts, facts


def check_appearance(browser, page):
    """Nothing is wider than the window, in light and in dark colours."""
    backgrounds = []
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        browser.get(page.as_uri())
        assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth"), scheme
        colour = "return getComputedStyle(document.body)[arguments[0]].match(/\\d+/g).slice(0, 3).map(Number)"
        ink, paper = (sum(browser.execute_script(colour, name)) / 3 for name in ("color", "backgroundColor"))
        assert abs(ink - paper) > 150, (scheme, ink, paper)
        backgrounds.append(paper)
    assert backgrounds[0] > 200 > 60 > backgrounds[1], backgrounds
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def head(path):
    i, j, k = numpy.indices((40, 44, 60))
    inside = ((i - 19.5) / 17) ** 2 + ((j - 21.5) / 19) ** 2 < 1
    texture = 200 * numpy.sin(i / 1.7 + k / 9) * numpy.cos(j / 1.9)
    nibabel.save(nibabel.Nifti1Image(numpy.where(inside, 500 + texture, 0).astype(numpy.int16), numpy.eye(4)), path)


def main():
    folder = Path(tempfile.mkdtemp())
    try:
        invented, real = folder / "invented.html", folder / "run/r.html"
        run(BIN / "plot_training", FIXTURE, "--report", invented)
        head(folder / "head.nii.gz")
        options = ["--prior", "AP", "--epochs", "3", "--model", "edsr", "--depth", "1", "--width", "4", "--lr", "1e-3"]
        options += ["--patch", "16", "--batch", "8", "--slice-step", "8"]
        run(BIN / "train_dnsp", folder / "head.nii.gz", "--out", folder / "run", *options, "--report", real)
        with open_browser() as browser:
            check_stored_pictures(browser, invented, "--update" in sys.argv)
            browser.get(real.as_uri())
            check_pictures_of_page(browser, data_of(real))
            check_numbers(browser, data_of(real), folder / "run/log.jsonl")
            require_quiet(browser, real)
            check_appearance(browser, real)
        print("the report of a training: passed")
    finally:
        shutil.rmtree(folder)


main()
