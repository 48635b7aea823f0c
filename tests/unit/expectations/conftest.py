"""The raw database that the gates' tests fill."""

from pathlib import Path

import pytest

from tests.unit.expectations.raw_fixture import RawFixture


@pytest.fixture
def raw(tmp_path: Path) -> RawFixture:
    return RawFixture(tmp_path)
