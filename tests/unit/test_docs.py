"""What the documents name is there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from orchestration.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")],
    key=lambda page: page.relative_to(PROJECT).as_posix(),
)
FOLDERS = (
    "orchestration",
    "transformations",
    "ml_assets",
    "expectations",
    "seeds",
    "tests",
    "docs",
)


def ids(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_paths_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", text):
        if "mart_campaign_wins" not in path:  # the worked example of CONTRIBUTING
            assert (PROJECT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_make_targets_exist(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", page.read_text(encoding="utf-8")))
    assert named <= targets


def test_every_setting_is_listed_in_the_example_of_an_environment() -> None:
    names = {field.name.upper() for field in fields(Settings)} - {"PROJECT_DIR"}
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert all(f"SALES_WAREHOUSE_{name}=" in example for name in names)
