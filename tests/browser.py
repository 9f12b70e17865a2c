"""A real browser at the size of a phone."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver

ABSENT = "没有 Chromium：apt-get install chromium chromium-driver"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # root may not use it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=500,800",  # no window is narrower; what the page sees is set below
)


@contextmanager
def phone(profile: Path) -> Iterator[webdriver.Chrome | None]:
    """A browser 360 pixels wide with an empty profile; None where there is none."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        yield None
        return
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(programs[1])))
    try:
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True},
        )
        yield driver
    finally:
        driver.quit()
