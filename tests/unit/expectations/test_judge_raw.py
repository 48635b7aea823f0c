"""What the first gate does with loads: refuse, release, block, remember."""

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from expectations.g1_raw import Limits, judge_raw
from expectations.quarantine import Refusal, refusals
from expectations.report import GateError, GateReport
from tests.unit.expectations.raw_fixture import AS_OF, GOOD, RawFixture, Row, outcome

CALL = GOOD["phone"]["calls"]
DEAL = GOOD["files"]["opportunities"]


def calls(count: int, *, first: int = 0, **differing: object) -> list[Row]:
    return [{**CALL, "call_id": f"c{first + n}", **differing} for n in range(count)]


def failed(report: GateReport) -> list[str]:
    return [failure.expectation for failure in report.failures]


def state(raw: RawFixture) -> list[object]:
    """Everything that a judgement may change, but the log of outcomes."""
    tables = ["ops.ops_load", "ops.ops_judged", "quarantine.phone__calls"]
    return [raw.query(f"select * from {table} order by all") for table in tables]


def test_a_system_without_data_has_nothing_to_judge(raw: RawFixture) -> None:
    report = raw.judge("salesforce")

    assert report.passed
    assert raw.query("select table_name, expectation, success from ops.ops_check") == [
        ("raw_salesforce.*", "nothing_new", True)
    ]
    assert report.describe() == "G1 salesforce: passed, nothing to judge"


def test_rows_received_are_the_rows_accepted_and_refused(raw: RawFixture) -> None:
    raw.load("phone", "calls", [*calls(90), *calls(10, first=90, talk_ratio="3")])

    (counts,) = raw.judge("phone").counts

    assert (counts.received, counts.accepted, counts.refused) == (100, 90, 10)
    assert (counts.judged, counts.newly_refused, counts.released) == (100, 10, 0)


def test_a_refused_row_stands_in_quarantine_as_it_came(raw: RawFixture) -> None:
    load_id = raw.load("phone", "calls", [*calls(1), *calls(1, first=1, talk_ratio=" 3 ")])

    raw.judge("phone")

    assert raw.query(
        "select call_id, talk_ratio, _load_id, _row, reason, gate, released_load_id "
        "from quarantine.phone__calls"
    ) == [
        (
            "c1",
            " 3 ",
            load_id,
            2,
            "talk_ratio is above 1: send a plain number from 0 to 1",
            "G1",
            None,
        )
    ]


def test_judging_again_changes_nothing(raw: RawFixture) -> None:
    raw.load("phone", "calls", [*calls(9), *calls(1, first=9, talk_ratio="3")])
    raw.judge("phone")
    before = state(raw)

    again = raw.judge("phone")

    assert state(raw) == before
    assert [counts.judged for counts in again.counts] == [1]


def test_only_new_and_refused_rows_are_judged(raw: RawFixture) -> None:
    raw.load("phone", "calls", [*calls(9), *calls(1, first=9, talk_ratio="3")])
    raw.judge("phone")
    raw.load("phone", "calls", calls(5, first=10))

    (counts,) = raw.judge("phone").counts

    assert (counts.judged, counts.received, counts.accepted) == (6, 15, 14)


def test_rows_are_released_once_the_seed_knows_their_stage(raw: RawFixture) -> None:
    deal = GOOD["salesforce"]["Opportunity"]
    history = GOOD["salesforce"]["OpportunityHistory"]
    raw.load("salesforce", "Opportunity", [deal, {**deal, "Id": "0062", "StageName": "Verbal"}])
    last = raw.load(
        "salesforce",
        "OpportunityHistory",
        [history, {**history, "Id": "0082", "OpportunityId": "0062"}],
    )
    raw.judge("salesforce")
    assert len(raw.reasons("salesforce", "Opportunity")) == 1
    assert len(raw.reasons("salesforce", "OpportunityHistory")) == 1

    raw.stages.append(("salesforce", "Verbal", "Negotiation", True))
    raw.write_seeds()
    report = raw.judge("salesforce")

    released = {counts.table: counts.released for counts in report.counts}
    assert released == {"Opportunity": 1, "OpportunityHistory": 1}
    assert raw.reasons("salesforce", "Opportunity") == []
    releases = raw.query(
        "select object_name, load_id, rows_received from ops.ops_load "
        "where source = 'quarantine-release' order by load_id"
    )
    assert releases == [("Opportunity", last + 1, 0), ("OpportunityHistory", last + 2, 0)]
    assert raw.query("select Id, released_load_id from quarantine.salesforce__Opportunity") == [
        ("0062", last + 1)
    ]
    assert raw.judge("salesforce").counts == ()


def test_a_child_that_came_before_its_parent_is_released_when_the_parent_comes(
    raw: RawFixture,
) -> None:
    raw.load("files", "opportunities", [DEAL])
    line = GOOD["files"]["opportunity_lines"]
    raw.load("files", "opportunity_lines", [line, {**line, "opportunity_id": "o2"}])
    raw.judge("files")
    assert len(raw.reasons("files", "opportunity_lines")) == 1

    raw.load("files", "opportunities", [{**DEAL, "source_id": "o2"}], source="opportunities_2")
    raw.judge("files")

    assert raw.reasons("files", "opportunity_lines") == []


def test_members_of_campaigns_are_kept_where_no_campaign_is_exported(raw: RawFixture) -> None:
    raw.load("files", "campaign_members", [GOOD["files"]["campaign_members"]])

    report = raw.judge("files")

    assert report.passed
    assert raw.reasons("files", "campaign_members") == []


def test_a_gate_that_blocks_blocks_again_until_the_cause_is_mended(raw: RawFixture) -> None:
    raw.load("phone", "calls", [*calls(60), *calls(40, first=60, direction="sideways")])

    for _ in range(2):
        report = raw.judge("phone")
        assert not report.passed
        assert failed(report) == ["refused_share"]
        assert "40 of 100 are: see the reasons in quarantine.phone__calls" in report.describe()
        assert raw.query("select count(*) from ops.ops_judged") == [(0,)]
        assert len(raw.reasons("phone", "calls")) == 40

    accepted = raw.judge("phone", limits=Limits(refused_share=0.5))

    assert accepted.passed
    assert raw.judge("phone").passed


def test_a_few_refused_rows_of_a_small_load_do_not_block(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(10))
    raw.judge("phone")
    raw.load("phone", "calls", calls(3, first=10, talk_ratio="3"))

    report = raw.judge("phone")

    assert report.passed
    assert len(raw.reasons("phone", "calls")) == 3


def test_a_first_load_that_is_refused_throughout_blocks(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(3, started_at="soon"))

    assert failed(raw.judge("phone")) == ["refused_share"]


def test_rows_that_an_export_repeats_block(raw: RawFixture) -> None:
    raw.load("phone", "calls", [*calls(50), *calls(30)])

    report = raw.judge("phone")

    assert failed(report) == ["rows_not_repeated"]
    assert outcome(report, "calls", "rows_not_repeated").observed == "0.375"


def test_the_same_record_in_two_loads_is_no_repetition(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(50))
    raw.load("phone", "calls", calls(50))

    assert raw.judge("phone").passed


def test_a_required_column_that_an_export_has_lost_blocks(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(100))
    raw.judge("phone")
    raw.load("phone", "calls", calls(30, first=100, started_at=None))

    report = raw.judge("phone")

    assert failed(report) == ["column_not_lost", "refused_share"]
    assert report.failures[0].columns == ("started_at",)


def test_an_optional_column_that_was_filled_before_and_is_lost_blocks(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(100))
    raw.judge("phone")
    raw.load("phone", "calls", calls(30, first=100, duration_seconds=None))

    report = raw.judge("phone")

    assert failed(report) == ["column_not_lost"]
    assert "The export has lost or renamed the column" in report.failures[0].message


def test_a_raw_table_without_a_required_column_blocks_and_names_it(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(3))
    with raw.connect() as con:
        con.execute("alter table raw_phone.calls drop column started_at")

    report = raw.judge("phone")

    assert failed(report) == ["columns_there", "refused_share"]
    assert "Export started_at, or map them in source.yml." in report.failures[0].message


def test_rows_that_vanished_from_raw_block(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(10))
    with raw.connect() as con:
        con.execute("delete from raw_phone.calls where _row = 4")

    report = raw.judge("phone")

    assert failed(report) == ["rows_kept"]
    assert outcome(report, "calls", "rows_kept").observed == "1"


def test_a_file_with_too_many_unreadable_lines_blocks_until_it_is_loaded_well(
    raw: RawFixture,
) -> None:
    raw.load("phone", "calls", calls(60), source="june", unreadable=40)
    assert failed(raw.judge("phone")) == ["lines_readable"]

    raw.load("phone", "calls", calls(100), source="june")

    assert raw.judge("phone").passed


def test_an_export_of_files_that_is_cut_short_blocks(raw: RawFixture) -> None:
    deals = [{**DEAL, "source_id": f"o{n}"} for n in range(100)]
    raw.load("files", "opportunities", deals, source="deals.csv")
    assert raw.judge("files").passed
    raw.load("files", "opportunities", deals[:40], source="deals.csv")

    report = raw.judge("files")

    assert failed(report) == ["export_not_shrunk"]
    assert outcome(report, "opportunities", "export_not_shrunk").observed == "0.4"


def test_a_table_without_expectations_is_pointed_out(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(1))
    with raw.connect() as con:
        con.execute("create table raw_phone.voicemails (id varchar)")

    report = raw.judge("phone")

    assert report.passed
    assert outcome(report, "*", "objects_known").unexpected_count == 1


def test_the_quarantine_gains_the_columns_that_raw_has_gained(raw: RawFixture) -> None:
    raw.load("phone", "calls", calls(1))
    raw.judge("phone")
    with raw.connect() as con:
        con.execute("alter table raw_phone.calls add column campaign varchar")
    raw.load("phone", "calls", calls(1, first=1, talk_ratio="3", campaign="spring"))

    raw.judge("phone")

    assert raw.query("select campaign from quarantine.phone__calls") == [("spring",)]


def test_outcomes_are_appended_to_the_log_of_checks(raw: RawFixture) -> None:
    raw.load("phone", "calls", [*calls(3), *calls(1, first=3, talk_ratio="3")])

    report = raw.judge("phone")
    raw.judge("phone")

    logged = raw.query("select count(*), count(distinct checked_at) from ops.ops_check")
    assert logged[0][0] > len(report.outcomes)
    assert raw.query(
        "select distinct run_id, gate, table_name, expectation, column_name, severity, success, "
        "unexpected_count, element_count from ops.ops_check where not success and element_count = 4"
    ) == [
        (
            "test-run",
            "G1",
            "raw_phone.calls",
            "number_in_range",
            "talk_ratio",
            "quarantine",
            False,
            1,
            4,
        )
    ]


def test_after_the_gate_the_same_process_can_open_the_database_in_another_way(
    raw: RawFixture,
) -> None:
    raw.load("phone", "calls", calls(3))
    raw.judge("phone")

    with duckdb.connect(str(raw.database), config={"threads": 1}) as con:
        con.execute("create table written_after as select 1 as a")
    with duckdb.connect(str(raw.database), read_only=True) as con:
        assert con.execute("select a from written_after").fetchall() == [(1,)]


def test_what_is_missing_is_named(raw: RawFixture, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="no expectations for the system 'fax'"):
        raw.judge("fax")
    with pytest.raises(GateError, match="load the sources first"):
        judge_raw(tmp_path / "none", "phone", run_id="r", as_of=AS_OF, seeds=raw.seeds)
    raw.load("phone", "calls", calls(1))
    (raw.seeds / "stages.csv").unlink()
    with pytest.raises(GateError, match=r"stages\.csv; restore the file"):
        raw.judge("phone")


def test_refusals_are_counted_by_kind_of_reason(raw: RawFixture) -> None:
    raw.load(
        "phone",
        "calls",
        [*calls(5), *calls(2, first=5, direction="up"), *calls(1, first=7, direction="down")],
    )
    raw.judge("phone")

    with raw.connect() as con:
        found = refusals(con)

    fix = "correct it in the source, or declare the new value in expectations/g1_raw"
    assert found == [Refusal("phone.calls", f"direction … is not known: {fix}", 3)]


def _days(rows_per_day: dict[int, int], first: int = 0) -> list[Row]:
    """Calls on days before the evening that is judged: days ago → how many."""
    midnight = datetime.combine(AS_OF, datetime.min.time())
    return [
        {
            **CALL,
            "call_id": f"{first}-{ago}-{n}",
            "started_at": f"{midnight - timedelta(days=ago):%Y-%m-%d}T10:00:00Z",
            "ended_at": None,
        }
        for ago, count in rows_per_day.items()
        for n in range(count)
    ]


USUAL = dict.fromkeys(range(7, 70), 10)


@pytest.mark.parametrize(("rows", "blocks"), [(7, False), (6, True)])
def test_a_last_week_with_hardly_any_rows_blocks(
    raw: RawFixture, rows: int, *, blocks: bool
) -> None:
    """Each of the weeks before brought 70 rows; a tenth of them must come."""
    raw.load("phone", "calls", _days(USUAL))
    raw.load("phone", "calls", _days({0: 1, 3: rows - 1}))

    assert failed(raw.judge("phone")) == (["week_not_empty"] if blocks else [])


def test_volume_is_not_held_against_too_short_a_past(raw: RawFixture) -> None:
    raw.load("phone", "calls", _days(dict.fromkeys(range(7, 50), 10) | {3: 1}))

    assert raw.judge("phone").passed


def test_a_week_missing_in_the_middle_is_pointed_out(raw: RawFixture) -> None:
    days = {ago: 10 for ago in range(140) if not 14 <= ago < 21}
    raw.load("phone", "calls", _days(days))

    report = raw.judge("phone")

    assert report.passed
    finding = outcome(report, "calls", "weeks_without_gap")
    assert (finding.success, finding.unexpected_count) == (False, 1)


def _hubspot(name: str, column: str, per_day: dict[int, int]) -> list[Row]:
    good = GOOD["hubspot_marketing"][name]
    rows: list[Row] = []
    for ago, count in per_day.items():
        at = datetime.combine(AS_OF - timedelta(days=ago), datetime.min.time())
        moment = str(int(at.timestamp()) * 1000)
        rows += [{**good, "id": f"{ago}-{n}", column: moment} for n in range(count)]
    return rows


@pytest.mark.parametrize(("views", "blocks"), [(60, True), (5, False)])
def test_an_empty_last_day_blocks_unless_all_objects_had_a_quiet_day(
    raw: RawFixture, views: int, *, blocks: bool
) -> None:
    past = dict.fromkeys(range(7, 70, 7), 60)
    raw.load("hubspot_marketing", "email_events", _hubspot("email_events", "created", past))
    raw.load(
        "hubspot_marketing",
        "page_views",
        _hubspot("page_views", "occurred_at", past | {0: views}),
    )

    report = raw.judge("hubspot_marketing")

    day = outcome(report, "email_events", "day_not_empty")
    assert day.blocks is blocks
    assert not outcome(report, "email_events", "day_as_usual").success


def test_volume_is_judged_up_to_the_evening_of_the_run(raw: RawFixture) -> None:
    raw.load("phone", "calls", _days(USUAL | dict.fromkeys(range(7), 10)))
    raw.as_of = date(2026, 3, 20)

    assert raw.judge("phone").passed


def test_naming_the_gates_does_not_load_great_expectations() -> None:
    """It takes seconds to import, and every process of the orchestrator names the gates."""
    loaded = "import sys, expectations; print('great_expectations' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)

    assert found.stdout.strip() == b"False"
