"""One small company for all tests of the simulation, and one world of full size without files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from orchestration.sources.demo import LandedFile, generate
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.world import simulate

from .landing import rows_of


@dataclass(frozen=True)
class Demo:
    """The small company's folders and the files that the simulation says it wrote."""

    landing: Path
    truth: Path
    files: list[LandedFile]

    def rows(self, system: str, name: str) -> pl.DataFrame:
        return rows_of(self.landing, system, name)

    def salesforce(self, name: str) -> pl.DataFrame:
        return rows_of(self.landing, "salesforce", name)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    root = tmp_path_factory.mktemp("demo")
    files = generate(root / "landing", root / "truth", scale=0.05)
    yield Demo(root / "landing", root / "truth", files)


@pytest.fixture(scope="package")
def full_world() -> Book:
    return Book(simulate(seed=7, scale=1.0, last_month=23))
