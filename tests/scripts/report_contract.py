"""The page of `upscale --report` in a headless browser: the border is moved, and what is drawn is compared with the layers.

Usage: report_contract.py FOLDER, the build folder. Needs selenium, Pillow, NiBabel, Chromium and its driver.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report_browser import By, Image, Keys, Select, data_of, drawn, nibabel, numpy, open_browser, pixels, require_quiet

UPSCALE = Path(sys.argv[1]) / "bin/upscale"
SHAPE, VOXEL = (50, 40, 11), (1.0, 1.0, 4.0)
# Columns run to the left and rows to the back, so that the page must not flip axial cuts.
AFFINE = numpy.diag([-VOXEL[0], -VOXEL[1], VOXEL[2], 1.0])


def thick_scan(path):
    """A head of 44×34×40 mm, brighter to the front and on its left side."""
    i, j, k = numpy.indices(SHAPE)
    inside = ((i - 24.5) / 22) ** 2 + ((j - 19.5) / 17) ** 2 + ((k - 5) * 4 / 20) ** 2 < 1
    texture = 40 * numpy.sin(i / 2.0) * numpy.cos(j / 1.7)
    image = nibabel.Nifti1Image(numpy.where(inside, 500 + 6 * (39 - j) + 8 * i + texture, 0).astype(numpy.int16), AFFINE)
    image.header.set_zooms(VOXEL)
    nibabel.save(image, path)


def composed(cut, left, right, border, size):
    """What the page should draw: the left layer up to the border, the right one behind it, pixels as squares."""
    scale = 370 / max(cut["width_mm"], cut["height_mm"])
    width, height = round(cut["width_mm"] * scale), round(cut["height_mm"] * scale)
    layers = [
        numpy.asarray(Image.fromarray(pixels(cut["layers"][name]).astype(numpy.uint8)).resize((width, height), Image.NEAREST), float)
        for name in (left, right)
    ]
    image = numpy.zeros(size)
    image[:height, :width] = numpy.where(numpy.arange(width)[None, :] < border / 100 * width, layers[0], layers[1])
    return image


def difference(shown, expected):
    """The mean difference away from the letters at the edges and from the line at the border."""
    return numpy.median(numpy.abs(shown - expected)), numpy.mean(numpy.abs(shown - expected) > 40)


def main():
    folder = Path(tempfile.mkdtemp())
    try:
        thick_scan(folder / "scan.nii.gz")
        command = [UPSCALE, "--self", folder / "scan.nii.gz", folder / "thin.nii.gz", "--steps", "4", "--report", folder / "r.html"]
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
        text = (folder / "r.html").read_text()
        data = data_of(folder / "r.html")
        assert "src=\"http" not in text and "href=\"http" not in text, "the page needs no other file"
        assert data["layers"] == ["input", "interpolation", "result", "difference"]
        axial, coronal, sagittal = data["cuts"]
        assert (axial["left"], axial["right"], axial["top"], axial["bottom"]) == ("R", "L", "A", "P")
        assert (coronal["top"], sagittal["left"], sagittal["top"]) == ("S", "A", "S")
        # Brighter towards the front (top) and the left side of the person (right).
        image = pixels(axial["layers"]["result"])
        assert image[10:15, 20:30].mean() > image[25:30, 20:30].mean() + 5
        assert image[15:25, 30:38].mean() > image[15:25, 12:20].mean() + 5
        # The middle slice of the input, as NiBabel reads it, lies in the layer "input" (axial; 8 bits).
        stored = nibabel.load(folder / "scan.nii.gz").get_fdata()[:, :, 5].T
        low, high = numpy.percentile(nibabel.load(folder / "scan.nii.gz").get_fdata(), [0.1, 99.9])
        grey = numpy.clip(255 * (stored - low) / (high - low), 0, 255)
        assert numpy.abs(pixels(axial["layers"]["input"]) - grey).max() <= 1.5

        with open_browser() as browser:
            browser.get((folder / "r.html").as_uri())
            view = browser.find_element(By.CSS_SELECTOR, ".window")
            for border, left, right in ((50, "interpolation", "result"), (20, "interpolation", "result"), (20, "input", "difference")):
                slider = browser.find_element(By.ID, "position")
                while int(slider.get_attribute("value")) > border:
                    slider.send_keys(Keys.ARROW_LEFT)
                for side, layer in (("left", left), ("right", right)):
                    Select(browser.find_element(By.ID, side)).select_by_value(layer)
                time.sleep(0.5)  # the browser decodes pictures beside the script
                shown = drawn(view)
                expected, swapped = (composed(axial, *pair, border, shown.shape) for pair in ((left, right), (right, left)))
                middle, outliers = difference(shown, expected)
                assert middle <= 2 and outliers < 0.05, (border, left, right, middle, outliers)
                assert numpy.abs(shown - expected).mean() < numpy.abs(shown - swapped).mean(), (border, left, right)
            zoom = browser.find_element(By.ID, "zoom")
            for _ in range(2):
                zoom.send_keys(Keys.ARROW_RIGHT)
            width = browser.execute_script("return document.querySelector('.stack').getBoundingClientRect().width")
            assert abs(width - 740) < 1, ("twice the size", width)
            require_quiet(browser, folder / "r.html")
        print("the report: passed")
    finally:
        shutil.rmtree(folder)


main()
