"""What the scripts share that operate pages in Chromium: a page in a browser, and what is promised of all pages.

It needs selenium, axe-selenium-python and Chromium with its driver; NORMA_CHROMIUM names the browser.
"""

import base64
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import tempfile
import time

from axe_selenium_python import Axe
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

# Words that say nothing to who has not learned them.
TERMS = ["normaliz", "gradient", "activation", "weight", "layer", "loss", "batch", "epoch", "tensor", "variance", "channel", "initializ"]

faults = []


def expect(holds, words):
    if not holds:
        faults.append(words)
        print("✗", words, flush=True)


class Page:
    """The page in a browser."""

    def __init__(self, address, width=1280, height=900, dark=False, calm=False, scripts=True, slowdown=None, before=""):
        options = webdriver.ChromeOptions()
        options.binary_location = os.environ.get("NORMA_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        self.profile = tempfile.mkdtemp()
        for argument in [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-background-networking", f"--window-size={width},{height}", f"--user-data-dir={self.profile}",
        ]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.tell("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ])
        if not scripts:
            self.tell("Emulation.setScriptExecutionDisabled", value=True)
        if before:
            self.tell("Page.addScriptToEvaluateOnNewDocument", source=before)
        if slowdown:
            self.tell("Emulation.setCPUThrottlingRate", rate=slowdown)
        # axe looks at thousands of elements.
        self.driver.set_script_timeout(240)
        self.address = address
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get(address)

    def tell(self, method, **parameters):
        return self.driver.execute_cdp_cmd(method, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, identifier):
        return self.driver.find_element(By.ID, identifier)

    def text(self, identifier):
        return self.run("return document.getElementById(arguments[0]).textContent", identifier)

    def scroll(self, element):
        self.run("arguments[0].scrollIntoView({ block: 'center' })", element)

    def click(self, identifier):
        element = self.find(identifier)
        self.scroll(element)
        ActionChains(self.driver).move_to_element(element).click().perform()

    def choose(self, identifier, value):
        Select(self.find(identifier)).select_by_value(value)

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def slide(self, identifier, share):
        """Presses the mouse on a slider, so far along it."""
        element = self.find(identifier)
        self.scroll(element)
        width = element.size["width"]
        ActionChains(self.driver).move_to_element_with_offset(element, round((share - 0.5) * (width - 16)), 0).click().perform()

    def touch(self, element, dx):
        """Drags an element by a finger."""
        self.scroll(element)
        box = self.run("const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]", element)
        self.tell("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": box[0], "y": box[1]}])
        for step in range(1, 6):
            self.tell("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": box[0] + dx * step / 5, "y": box[1]}])
        self.tell("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def noise(self):
        """What the console said, and what was asked of a network."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"].split("#")[0])
        return said, [url for url in asked if url != self.address.split("#")[0]]

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)


@contextlib.contextmanager
def opened(kind, *arguments, **options):
    """A page of a kind, after which the console must have said nothing, and no network been asked."""
    page = kind(*arguments, **options)
    try:
        yield page
        said, asked = page.noise()
        expect(not said, f"the console says {said[:3]}")
        expect(not asked, f"the page asks for {asked[:3]}")
    finally:
        page.close()


def wait(holds, seconds, words):
    end = time.time() + seconds
    while time.time() < end:
        if holds():
            return
        time.sleep(0.05)
    expect(False, words)


def percent(text):
    return float(text.split()[0])


def operate_opening(page):
    """The two networks that a page begins with."""
    picture = "return document.getElementById('rescaled-surface').toDataURL()"
    expect(len(page.run("return document.querySelector('h1').textContent").split()) <= 12, "the headline is longer than twelve words")
    seen = page.run(
        "return [...document.querySelectorAll('.kind, h1, .headline, .opening figcaption, .opening .score, .opening label, .opening button, "
        ".opening .outcome, .opening .setting')].map(e => e.textContent).join(' ').toLowerCase()")
    for term in TERMS:
        expect(term not in seen, f"the opening says “{term}” before it is shown what it means")
    first = page.run(picture)
    wait(lambda: page.run(picture) != first, 1, "nothing moves within a second of the opening")
    wait(lambda: page.text("opening-play") == "Start", 120, "the opening's networks do not come to an end")
    plain, rescaled = percent(page.text("plain-score")), percent(page.text("rescaled-score"))
    expect(rescaled >= 95 and plain <= 60, f"with small numbers {plain} and {rescaled} percent are right")
    page.slide("opening-scale", 1)
    expect(page.text("opening-scale-text") == "10 times the usual", f"the slider says {page.text('opening-scale-text')}")
    expect(page.text("opening-play") == "Pause", "the slider does not start the networks")
    wait(lambda: page.text("opening-play") == "Start", 120, "the opening's networks do not come to an end again")
    expect(percent(page.text("rescaled-score")) >= 95, "with large numbers the rescaling network fails")
    page.click("opening-again")
    page.click("opening-play")
    still = page.run(picture)
    time.sleep(0.3)
    expect(page.run(picture) == still, "pause does not pause the opening")


def judge_access_and_layout(address, widths=(390, 1280, 2560), prepare=None):
    """Accessibility, and what is cut off; `prepare` is done first, such as to open what is closed."""
    for width, dark in itertools.product(widths, [False, True]):
        with opened(Page, address, width=width, dark=dark, calm=True) as page:
            if prepare:
                prepare(page)
            wide = page.run("return document.documentElement.scrollWidth")
            expect(wide <= width, f"the page is {wide} pixels wide in a window of {width}")
            axe = Axe(page.driver)
            axe.inject()
            for violation in axe.run()["violations"]:
                places = [node["target"] for node in violation["nodes"]]
                expect(False, f"axe, {width} pixels, {'dark' if dark else 'light'}: {violation['id']}: {violation['help']}: {places[:4]}")
            cut = page.run("""
              return [...document.querySelectorAll('svg text')].filter(e => e.checkVisibility() && e.textContent).filter(e => {
                const box = e.getBoundingClientRect(), edge = e.closest('svg').getBoundingClientRect();
                return box.left < edge.left - 1 || box.right > edge.right + 1 || box.top < edge.top - 1 || box.bottom > edge.bottom + 1;
              }).map(e => e.textContent)""")
            expect(not cut, f"cut off at {width} pixels: {cut}")


def take_pictures(address, folder):
    """The page as it looks: narrow and wide, light and dark, without a script, and on paper."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    views = [(f"{width}-{'dark' if dark else 'light'}", dict(width=width, dark=dark)) for width in [390, 1280, 2560] for dark in [False, True]]
    views.append(("1280-without-script", dict(width=1280, scripts=False)))
    for name, options in views:
        with opened(Page, address, **options) as page:
            time.sleep(9)
            size = page.tell("Page.getLayoutMetrics")["cssContentSize"]
            for index, top in enumerate(range(0, int(size["height"]), 2000)):
                clip = {"x": 0, "y": top, "width": options["width"], "height": min(2000, size["height"] - top), "scale": 1}
                data = page.tell("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
                (folder / f"{name}-{index + 1}.png").write_bytes(base64.b64decode(data))
    with opened(Page, address) as page:
        pdf = page.tell("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
        (folder / "print.pdf").write_bytes(base64.b64decode(pdf))


def finish():
    """Says how many faults there are, and ends with 1 if there is any."""
    print(f"{len(faults)} faults" if faults else "No fault.")
    raise SystemExit(1 if faults else 0)
