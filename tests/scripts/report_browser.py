"""What the tests of pages share: a headless browser, and pictures of what it draws. Prints SKIPPED and ends if a part is missing."""

import base64
import io
import json
import shutil
import sys

try:
    import nibabel
    import numpy
    from PIL import Image
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ImportError as error:
    print(f"SKIPPED: {error.name} is not installed")
    sys.exit()
__all__ = ["ActionChains", "By", "Image", "Keys", "Select", "nibabel", "numpy"]
__all__ += ["data_of", "drawn", "open_browser", "pixels", "require_quiet"]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    print("SKIPPED: chromium or chromedriver is not installed")
    sys.exit()


def open_browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    flags = ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "force-device-scale-factor=1"]
    for flag in [*flags, "window-size=1300,4000"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=webdriver.ChromeService(DRIVER), options=options)


def require_quiet(browser, page):
    """The page has printed no error and has loaded nothing but itself."""
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors, errors
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    loaded = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert page.as_uri() in loaded, ("the requests were not recorded", loaded)
    foreign = [url[:80] for url in loaded if url != page.as_uri() and not url.startswith("data:")]
    assert not foreign, foreign


def data_of(page):
    """The data in a page."""
    return json.loads(page.read_text().split('id="data">', 1)[1].split("</script>", 1)[0])


def pixels(data_url):
    """The grey values of a picture in a page."""
    content = base64.b64decode(data_url.split(",", 1)[1])
    return numpy.asarray(Image.open(io.BytesIO(content)).convert("L"), float)


def drawn(view, mode="L"):
    """What the browser draws of an element."""
    return numpy.asarray(Image.open(io.BytesIO(view.screenshot_as_png)).convert(mode), float)
