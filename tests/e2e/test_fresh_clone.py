"""What a newcomer does: clone, `make run`, open the UI."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PROJECT = Path(__file__).resolve().parents[2]
GROUPS = ["landing", "raw_salesforce", "quarantine", "staging_salesforce", "core", "published"]


@pytest.fixture(scope="module")
def ui(clone: Path, newcomer: dict[str, str]) -> Iterator[str]:
    """The address of the UI that `warehouse ui` serves, as `make ui` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(clone / ".venv" / "bin" / "warehouse"), "ui", "--port", str(port)]
    log = (clone.parent / "ui.log").open("wb")
    process = subprocess.Popen(
        command, cwd=clone, env=newcomer, stdout=log, stderr=log, start_new_session=True
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address + "/server_info", seconds=120)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        log.close()


def _wait_for(address: str, seconds: int) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Headless Chromium."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and driver, "install Debian's chromium and chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1800,1200",
    ):
        options.add_argument(argument)
    chrome = webdriver.Chrome(options, Service(driver))
    yield chrome
    chrome.quit()


def test_a_fresh_clone_builds_and_publishes_the_marts(clone: Path) -> None:
    path = clone / "data" / "published" / "sales_marts.duckdb"
    with duckdb.connect(str(path), read_only=True) as con:
        for table in ("core.fct_opportunity", "ml.ml_opportunity_score", "marts.mart_exec_kpi"):
            [(rows,)] = con.execute(f"select count(*) from {table}").fetchall()
            assert rows > 0, table


def test_the_summary_says_what_was_built_and_where_to_look(clone: Path) -> None:
    printed = (clone.parent / "printed.txt").read_text(encoding="utf-8")
    for expected in ("Tables built", "Gates", "Quarantined rows by reason", "Opportunity score: "):
        assert expected in printed
    # Progress is a line a step, not a wall of log lines.
    assert len(printed.splitlines()) < 200


def test_git_sees_nothing_that_the_run_made(clone: Path) -> None:
    status = subprocess.run(
        ["git", "status", "--short"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_the_asset_graph_shows_the_flow(ui: str, browser: webdriver.Chrome, clone: Path) -> None:
    browser.get(ui + "/asset-groups")
    text = ""

    def shows_the_groups(chrome: webdriver.Chrome) -> bool:
        nonlocal text
        text = chrome.find_element(By.TAG_NAME, "body").text
        return all(group in text for group in GROUPS)

    try:
        WebDriverWait(browser, 90).until(shows_the_groups)
    finally:
        browser.save_screenshot(str(clone / "data" / "asset_graph.png"))
    assert all(group in text for group in GROUPS)
