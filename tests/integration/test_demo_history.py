"""Night after night: repeated, grown, killed, rebuilt or given broken files, it stays the same."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.integration.conftest import DEMO, LAST_DAY, NEXT_DAY, Warehouse

# A mail or call that arrives days late says when it took place and not when it became known, so it
# belongs to its evening as soon as it is there.
LATE_RECORDS_REACH = {
    "core.fct_activity",
    "core.fct_conversation",
    "core.fct_conversation_action",
    "core.bridge_activity_opportunity",
    "marts.mart_activity",
    "marts.mart_coaching",
    "marts.mart_deal_involvement",
    "marts.mart_deal_risk",
    "marts.mart_deal_risk_backtest",
    "marts.mart_engagement",
    "marts.mart_exec_kpi",
    "marts.mart_exec_kpi_daily",
    "marts.mart_lead_funnel",
    "marts.mart_lead_response",
    "marts.mart_rep_behaviour",
    "marts.mart_rep_scorecard",
    "ml.ml_anomaly",
    "ml.ml_next_action",
}


def of_the_evening(warehouse: Warehouse) -> dict[str, Any]:
    """What is published, without what a warehouse keeps of earlier evenings: which versions were
    trained, and what was said before and how it came true."""
    tables = warehouse.published()
    for history in ("ml.ml_model_registry", "ml.ml_backtest"):
        del tables[history]
    for name in [name for name in tables if name.startswith("ml.")]:
        columns = {
            column
            for (column,) in warehouse.query(
                "select column_name from information_schema.columns "
                f"where table_schema = 'ml' and table_name = '{name.removeprefix('ml.')}'"
            )
        }
        evening = "as_of_date" if "as_of_date" in columns else "origin_date"
        without = " exclude (model_version)" if "model_version" in columns else ""
        now = "true" if name != "ml.ml_drift" else "measure <> 'calibration'"
        tables[name] = warehouse.query(
            f"select count(*), coalesce(sum(cast(hash(said) as hugeint)), 0) from "
            f"(select *{without} from {name} where {now} and {evening} = "
            "(select max(as_of_date) from marts.mart_deal_inspection)) as said"
        )[0]
    return tables


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def test_a_second_run_changes_nothing(evening: Warehouse, tmp_path: Path) -> None:
    again = evening.copied(tmp_path / "again")
    again.run(demo_end=LAST_DAY, **DEMO)
    assert differing(again.published(), evening.published()) == set()


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
    """Until dbt has begun to build the new day."""
    log = warehouse.data / "dbt" / "dbt.log"
    before = log.stat().st_mtime
    end = time.monotonic() + 300
    while log.stat().st_mtime == before:
        assert time.monotonic() < end, "dbt has not started"
        time.sleep(0.2)
    time.sleep(12)


def test_rebuilding_an_evening_gives_its_figures(
    evening: Warehouse, next_evening: Warehouse, tmp_path: Path
) -> None:
    back = next_evening.copied(tmp_path / "back")
    back.run(demo_end=NEXT_DAY, as_of=LAST_DAY, **DEMO)
    assert differing(of_the_evening(back), of_the_evening(evening)) <= LATE_RECORDS_REACH
    activities = "select count(*) from core.fct_activity"
    [(then,)], [(now,)] = evening.query(activities), back.query(activities)
    assert 0 <= now - then <= 0.001 * then


def test_a_file_that_was_cut_is_named_and_what_is_published_stays(
    evening: Warehouse, tmp_path: Path
) -> None:
    broken = evening.copied(tmp_path / "broken")
    messages = sorted((broken.data / "landing" / "email" / "messages").glob("*.parquet"))[0]
    cut = messages.with_name("messages_again.parquet")
    cut.write_bytes(messages.read_bytes()[:5000])
    printed = broken.run(demo_end=LAST_DAY, succeeds=False, **DEMO)
    assert str(cut) in printed
    assert differing(broken.published(), evening.published()) == set()
