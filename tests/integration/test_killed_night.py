"""A night that is killed half-way, and finds broken lines when it is run again."""

import os
import re
import signal
import time
from pathlib import Path

from tests.integration.conftest import (
    DEMO,
    NEXT_DAY,
    Warehouse,
    differing,
    of_the_evening,
)

BUILT = re.compile(rb"\b\d+ of \d+ OK ")


def test_a_night_that_was_killed_and_has_broken_lines_equals_a_fresh_one(
    evening: Warehouse, next_evening: Warehouse, tmp_path: Path
) -> None:
    grown = evening.copied(tmp_path / "grown")
    process = grown.start(demo_end=NEXT_DAY, **DEMO)
    _wait_for_dbt(grown)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert differing(grown.published(), evening.published()) == set()

    _land_broken_lines(grown.data / "landing")
    printed = grown.run(demo_end=NEXT_DAY, **DEMO)
    assert "was killed before" in printed
    assert "phone.calls: unreadable line" in printed
    assert grown.inside(
        "select object_name, count(*) from quarantine.unreadable group by 1 order by 1"
    ) == [("Account", 1), ("calls", 2)]
    assert differing(of_the_evening(grown), of_the_evening(next_evening)) == set()


def _land_broken_lines(landing: Path) -> None:
    """After a line that is known: one that was cut, one that is no JSON, a row too short."""
    calls = sorted((landing / "phone" / "calls").glob("*.jsonl"))[0]
    line = calls.read_text(encoding="utf-8").splitlines()[0]
    calls.with_name("calls_again.jsonl").write_text(f"{line}\n{line[:100]}\nno json\n")
    accounts = sorted((landing / "salesforce" / "Account").glob("*.csv"))[0]
    header = accounts.read_text(encoding="utf-8").splitlines()[0]
    accounts.with_name("Account_again.csv").write_text(f"{header},Colour__c\ntoo,few,fields\n")


def _wait_for_dbt(warehouse: Warehouse) -> None:
    """Until dbt has built a part of the new day: the seeds, staging and some of what follows."""
    log = warehouse.data / "dbt" / "dbt.log"
    before = log.stat().st_size
    end = time.monotonic() + 300
    while len(BUILT.findall(_since(log, before))) < 100:
        assert time.monotonic() < end, "dbt has not started"
        time.sleep(0.2)


def _since(log: Path, position: int) -> bytes:
    with log.open("rb") as file:
        file.seek(position)
        return file.read()
