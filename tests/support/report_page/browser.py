"""Debian's headless Chromium, and what it shows of a page."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

# Without these it contacts its vendor's servers at every start.
_QUIET = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --lang=en-US"
)
_TIMEOUT_SECONDS = 30


@contextmanager
def chromium(*flags: str) -> Iterator[Chrome]:
    """Start a browser with more flags for the block; skip the test if none is installed."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("chromium and chromedriver are needed to test the page")
    options = ChromeOptions()
    options.binary_location = binary
    for flag in [*_QUIET.split(), *flags]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


def open_page(browser: Chrome, page: Path, *, width: int = 1280, dark: bool = False) -> None:
    """Open a page at a width, and wait until it shows its figures."""
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(page.as_uri())
    wait_until(browser, "document.documentElement.dataset.shown")


def wait_until(browser: Chrome, condition: str) -> None:
    """Wait until a JavaScript expression holds."""
    latest = time.monotonic() + _TIMEOUT_SECONDS
    while not browser.execute_script(f"return Boolean({condition})"):
        assert time.monotonic() < latest, f"timed out waiting for {condition}; {console_messages(browser)}"
        time.sleep(0.02)


def choose(browser: Chrome, **values: str | list[str]) -> None:
    """Set filters as a reader would, and wait until the page shows the result."""
    for name, value in values.items():
        before = browser.execute_script("return document.documentElement.dataset.drawn")
        browser.execute_script(
            """
            const [field, value] = [document.getElementById(arguments[0]), arguments[1]];
            if (!Array.isArray(value)) field.value = value;
            else for (const option of field.options) option.selected = value.includes(option.value);
            field.dispatchEvent(new Event("change"));
            """,
            name,
            value,
        )
        wait_until(browser, f"document.documentElement.dataset.drawn !== '{before}'")


def requested_urls(browser: Chrome) -> list[str]:
    """Return the URLs of all requests since the previous call."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    return [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated")
        and not event["params"]["request"]["url"].startswith("data:")
    ]


def table(browser: Chrome, caption: str) -> list[dict[str, str]]:
    """Return the rows of the table with this caption as shown, by column heading; empty if the page shows 'none'."""
    found: list[dict[str, str]] = browser.execute_script(
        """
        const tables = [...document.querySelectorAll("table")];
        const table = tables.find((each) => each.caption.textContent.startsWith(arguments[0]));
        const none = [...document.querySelectorAll(".none")];
        if (!table && none.some((each) => each.textContent.startsWith(arguments[0]))) return [];
        const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
        return [...table.tBodies[0].rows].map((row) =>
          Object.fromEntries([...row.cells].map((cell, place) => [heads[place], cell.textContent])));
        """,
        caption,
    )
    return found


def cards(browser: Chrome) -> dict[str, list[str]]:
    """Return the figure of each card at the top, and the lines below it."""
    found: dict[str, list[str]] = browser.execute_script(
        """
        return Object.fromEntries([...document.querySelectorAll("#cards > div")].map((card) =>
          [card.querySelector("dt").textContent, [...card.querySelectorAll("dd")].map((line) => line.textContent)]));
        """
    )
    return found


def charts(browser: Chrome) -> list[tuple[str, str, int, list[str]]]:
    """Return the visible charts: id, description, number of marks, and axis titles."""
    found: list[tuple[str, str, int, list[str]]] = browser.execute_script(
        """
        const charts = [...document.querySelectorAll(".chart")].filter((chart) => !chart.parentElement.hidden);
        const marks = ".role-mark path, .role-mark line";
        return charts.map((chart) => [
          chart.id, chart.getAttribute("aria-label"), chart.querySelectorAll(marks).length,
          [...chart.querySelectorAll(".role-axis-title text")].map((title) => title.textContent)]);
        """
    )
    return found


@contextmanager
def printed(browser: Chrome, width: int) -> Iterator[None]:
    """Show the page as printed, on paper of this width (CSS pixels, without margins)."""
    metrics = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def console_messages(browser: Chrome) -> list[dict[str, Any]]:
    """Return the console messages since the previous call."""
    found: list[dict[str, Any]] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return found


def violations(browser: Chrome) -> list[str]:
    """Return the accessibility violations that axe finds, such as poor contrast or missing labels."""
    browser.execute_script(Path(__file__).with_name("axe.min.js").read_text("utf-8"))
    found: list[dict[str, Any]] = browser.execute_async_script(
        "axe.run({resultTypes: ['violations']}).then((result) => arguments[0](result.violations));"
    )
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]
