"""The pages about the gates: complete, self-contained, without anybody's data."""

import re
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from expectations import GateError, judge_ml
from expectations.data_docs import build_data_docs
from tests.unit.expectations.layers_fixture import AS_OF, build
from tests.unit.expectations.raw_fixture import GOOD, RawFixture

CALL = GOOD["phone"]["calls"]


class _Page(HTMLParser):
    """Addresses that a page points to, and whether its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def pages(raw: RawFixture, tmp_path: Path) -> dict[str, str]:
    odd = {**CALL, "call_id": "odd", "direction": "sideways", "user_email": "jo(at)example.com"}
    raw.load("phone", "calls", [CALL, odd])
    raw.judge("phone")
    raw.judge("email")
    index = build_data_docs(raw.database, tmp_path / "docs")
    assert index == tmp_path / "docs" / "index.html"
    return {path.name: path.read_text(encoding="utf-8") for path in index.parent.iterdir()}


def test_there_is_an_index_and_a_page_for_each_judgement(pages: dict[str, str]) -> None:
    assert sorted(pages) == ["g1_raw_phone.html", "index.html"]
    assert 'href="g1_raw_phone.html"' in pages["index.html"]
    assert "number_in_range" in pages["g1_raw_phone.html"]
    assert (
        "direction is one of inbound, outbound, internal: not so for 1 of 2 rows."
        in (pages["g1_raw_phone.html"])
    )


def test_the_index_counts_the_rows_in_quarantine_by_reason(pages: dict[str, str]) -> None:
    assert "direction … is not known: correct it in the source" in pages["index.html"]


def test_the_pages_load_nothing_and_point_only_at_each_other(pages: dict[str, str]) -> None:
    for text in pages.values():
        page = _Page(text)
        assert page.open == []
        assert set(page.addresses) <= set(pages)
        assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|<link|<img|<iframe", text)


def test_the_pages_hold_no_values_of_rows(pages: dict[str, str]) -> None:
    for text in pages.values():
        assert "sideways" not in text
        assert "jo(at)" not in text
        assert "@" not in text


def test_a_judgement_without_new_rows_does_not_hide_the_last_one(
    raw: RawFixture, tmp_path: Path
) -> None:
    raw.load("phone", "calls", [CALL])
    raw.judge("phone")
    raw.judge("phone")

    build_data_docs(raw.database, tmp_path / "docs")

    page = (tmp_path / "docs" / "g1_raw_phone.html").read_text(encoding="utf-8")
    assert "timestamp_readable" in page


def test_a_failed_gate_is_shown_as_failed_with_its_fix(tmp_path: Path) -> None:
    database = build(tmp_path, "delete from ml.ml_opportunity_score")
    judge_ml(database, run_id="night-7", as_of=AS_OF)

    index = build_data_docs(database, tmp_path / "docs")

    assert '<span class="mark critical">failed</span>' in index.read_text(encoding="utf-8")
    page = (tmp_path / "docs" / "g3_ml.html").read_text(encoding="utf-8")
    assert "every open deal has a score: not so for 1 of 2 rows. Score again" in page
    assert "night-7" in page


def test_before_any_judgement_there_is_an_index_that_says_so(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()

    index = build_data_docs(tmp_path / "empty.duckdb", tmp_path / "docs")

    assert "No gate has judged anything yet." in index.read_text(encoding="utf-8")


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="run the gates first"):
        build_data_docs(tmp_path / "none.duckdb", tmp_path / "docs")
