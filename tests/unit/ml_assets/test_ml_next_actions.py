"""Next actions: the playbook's rules on a few deals, leads and accounts, worked out by hand."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from signals_core import core_of, event

from ml_assets.next_actions import ACTION_SCHEMA, recommend_next_actions
from ml_assets.next_actions.associations import Association, mantel_haenszel, measured
from ml_assets.next_actions.playbook import conditions_of, read_rules
from ml_assets.next_actions.recommend import chosen_rules, fired_rules
from ml_assets.next_actions.worth import past_evenings

AS_OF = date(2026, 6, 30)  # a Tuesday
LONG_AGO = "2024-01-01 00:00"
SEED = Path(__file__).parents[3] / "seeds" / "playbook_rules.csv"


def seed() -> pl.DataFrame:
    return pl.read_csv(SEED, schema_overrides={"measured_by": pl.String, "conditions": pl.String})


def rule(code: str, **more: object) -> dict[str, object]:
    return {
        "rule_code": code, "entity_type": "opportunity", "conditions": "", "action": f"Do {code}",
        "channel": "task", "due_business_days": 0, "owner_role": "owner", "priority": 5,
        "measured_by": "", "within_days": 7, "quiet_days": 0, "reason": "Because.",
        "source_ids": "T-22", **more,
    }  # fmt: skip


def activity(key: str, at: str, **more: object) -> dict[str, object]:
    return {
        "activity_id": key, "activity_type": "call", "direction": "outbound", "occurred_at": at,
        "recorded_at": at, **more,
    }  # fmt: skip


def deal(key: str, number: int, stage: str = "Prospecting", created: str = "2026-06-01 09:00"):
    return [
        event(number, key, "stage", stage, created),
        event(number + 1, key, "owner_user_id", "u1", created),
        event(number + 2, key, "amount_local", "1000", created),
        event(number + 3, key, "close_date", "2026-09-30", created),
        event(number + 4, key, "next_step", "Demo on Friday", created),
    ]


CORE: dict[str, list[dict[str, Any]]] = {
    "fct_opportunity_event": [
        *deal("calm", 0),
        *deal("silent", 10),
        *deal("unanswered", 20),
        *deal("overdue", 30),
        event(36, "overdue", "close_date", "2026-06-27", "2026-06-02 09:00"),
        *deal("redated", 40),
        event(46, "redated", "close_date", "2026-06-27", "2026-06-29 09:00"),
        *deal("stepless", 50),
        event(56, "stepless", "next_step", "", "2026-06-20 09:00"),
        *deal("promised", 60),
        *deal("late", 70, "Negotiation"),
        *deal("won", 80),
        event(86, "won", "stage", "Closed Won", "2026-06-29 09:00"),
        *deal("gone", 90),
        event(96, "gone", "is_deleted", "true", "2026-06-29 09:00"),
        *deal("tomorrow", 100, created="2026-07-01 00:00"),
        *deal("late news", 110),
        event(116, "late news", "stage", "Closed Lost", "2026-06-29 09:00", "2026-07-02 00:00"),
    ],
    "fct_opportunity": [
        {"opportunity_id": key, "account_id": "a1", "currency_code": "EUR",
         "opportunity_type": "new"}
        for key in ("calm", "silent", "unanswered", "overdue", "redated", "stepless", "promised",
                    "late", "won", "gone", "tomorrow", "late news")
    ],
    "fct_fx_rate": [
        {"currency_code": "EUR", "valid_from": "2026-01-01", "rate_to_corporate": 1.5}
    ],
    "dim_user": [{"user_id": "u1", "manager_user_id": "m1", "valid_from": LONG_AGO}],
    "dim_account": [
        {"account_id": "a1", "segment": "SMB", "account_type": "Customer", "owner_user_id": "u1",
         "created_at": LONG_AGO, "valid_from": LONG_AGO},
        {"account_id": "quiet", "segment": "SMB", "account_type": "Prospect",
         "owner_user_id": "u1", "created_at": LONG_AGO, "valid_from": LONG_AGO},
        {"account_id": "writes", "segment": "SMB", "account_type": "Prospect",
         "owner_user_id": "u1", "created_at": LONG_AGO, "valid_from": LONG_AGO},
    ],
    "fct_activity": [
        *(
            activity(f"touch {key}", "2026-06-25 09:00")
            for key in ("calm", "overdue", "redated", "stepless", "promised", "late", "late news")
        ),
        activity("old", "2026-06-10 09:00"),
        activity("asked", "2026-06-26 09:00", direction="inbound", activity_type="email"),
        activity("robot", "2026-06-27 09:00", activity_type="email", is_automated=True),
        activity("recorded late", "2026-06-28 09:00", recorded_at="2026-07-01 00:00"),
        activity("account", "2026-06-26 09:00", direction="inbound", activity_type="email",
                 account_id="writes"),
        activity("to lead", "2026-06-12 09:00", person_lead_id="worked"),
    ],
    "bridge_activity_opportunity": [
        *(
            {"activity_id": f"touch {key}", "opportunity_id": key, "confidence": 1.0}
            for key in ("calm", "overdue", "redated", "stepless", "promised", "late", "late news")
        ),
        {"activity_id": "old", "opportunity_id": "silent", "confidence": 1.0},
        {"activity_id": "recorded late", "opportunity_id": "silent", "confidence": 1.0},
        {"activity_id": "asked", "opportunity_id": "unanswered", "confidence": 1.0},
        {"activity_id": "robot", "opportunity_id": "unanswered", "confidence": 1.0},
    ],
    "fct_conversation_action": [
        {"action_id": "p1", "opportunity_id": "promised", "status": "open",
         "due_date": "2026-06-26", "created_at": "2026-06-24 09:00",
         "modified_at": "2026-06-24 09:00"},
        {"action_id": "p2", "opportunity_id": "calm", "status": "completed",
         "due_date": "2026-06-26", "created_at": "2026-06-24 09:00",
         "completed_at": "2026-06-25 09:00", "modified_at": "2026-06-25 09:00"},
        {"action_id": "p3", "opportunity_id": "late", "status": "completed",
         "due_date": "2026-06-26", "created_at": "2026-06-24 09:00",
         "completed_at": "2026-07-01 09:00", "modified_at": "2026-07-01 09:00"},
    ],
    "fct_opportunity_contact": [
        {"opportunity_id": key, "contact_id": f"c{n}", "is_champion": True,
         "is_decision_maker": False, "created_at": "2026-06-02", "modified_at": "2026-06-02"}
        for n, key in enumerate(
            ("calm", "silent", "unanswered", "overdue", "redated", "stepless", "promised", "late",
             "late news")
        )
    ],
    "dim_lead": [
        {"lead_id": "new", "owner_user_id": "u1", "created_at": "2026-06-29 09:00",
         "valid_from": "2026-06-29 09:00"},
        {"lead_id": "worked", "owner_user_id": "u1", "created_at": "2026-06-10 09:00",
         "valid_from": "2026-06-10 09:00"},
        {"lead_id": "nobody's", "created_at": "2026-06-10 09:00",
         "valid_from": "2026-06-10 09:00"},
        {"lead_id": "converted", "owner_user_id": "u1", "created_at": "2026-06-01 09:00",
         "valid_from": "2026-06-01 09:00", "valid_to": "2026-06-20"},
        {"lead_id": "converted", "owner_user_id": "u1", "created_at": "2026-06-01 09:00",
         "is_converted": True, "converted_at": "2026-06-20 09:00", "valid_from": "2026-06-20"},
        {"lead_id": "lost", "owner_user_id": "u1", "created_at": "2026-06-01 09:00",
         "valid_from": "2026-06-01 09:00"},
    ],
    "fct_lifecycle_event": [
        {"lead_id": "worked", "stage": "SAL", "entered_at": "2026-06-12 09:00",
         "recorded_at": "2026-06-12 09:00", "lifecycle_event_id": "e1"},
        {"lead_id": "lost", "stage": "Disqualified", "entered_at": "2026-06-12 09:00",
         "recorded_at": "2026-06-12 09:00", "lifecycle_event_id": "e2"},
    ],
}  # fmt: skip


def warehouse(core: dict[str, list[dict[str, Any]]], rules: pl.DataFrame | None = None):
    con = core_of(core)
    con.execute("create schema seeds; create schema ml")
    con.register("given", seed() if rules is None else rules)
    con.execute("create table seeds.playbook_rules as select * from given")
    con.unregister("given")
    con.execute(
        "create table ml.ml_opportunity_score (opportunity_id varchar, as_of_date date, "
        "win_probability double)"
    )
    con.execute("insert into ml.ml_opportunity_score values ('calm', '2026-06-30', 0.4)")
    return con


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return warehouse(CORE)


def told(con: duckdb.DuckDBPyConnection, as_of: date = AS_OF) -> dict[tuple[str, str], Any]:
    return {
        (row["entity_type"], row["entity_id"]): row
        for row in recommend_next_actions(con, as_of).iter_rows(named=True)
    }


def test_every_open_deal_and_lead_has_one_action_and_an_account_where_one_applies(con: Any):
    found = told(con)
    rules = {key: row["rule_code"] for key, row in found.items()}
    assert rules == {
        ("account", "writes"): "answer_account",
        ("lead", "new"): "first_touch",
        ("lead", "nobody's"): "assign_lead",
        ("lead", "worked"): "next_attempt",
        ("opportunity", "calm"): "keep_to_plan",
        ("opportunity", "late"): "keep_promise",  # kept only after the evening
        ("opportunity", "late news"): "keep_to_plan",  # lost, but nobody knows yet
        ("opportunity", "overdue"): "redate_close",
        ("opportunity", "promised"): "keep_promise",
        ("opportunity", "redated"): "keep_to_plan",  # the date was set yesterday: quiet
        ("opportunity", "silent"): "revive_contact",
        ("opportunity", "stepless"): "set_next_step",
        ("opportunity", "unanswered"): "answer_buyer",
    }
    assert list(recommend_next_actions(con, AS_OF).schema.items()) == list(ACTION_SCHEMA.items())


def test_an_action_says_who_does_it_when_and_why(con: Any):
    found = told(con)
    silent = found["opportunity", "silent"]
    assert silent["reason"] == "Nobody has been in touch for 20 days."
    assert silent["assigned_user_id"] == "u1"
    assert silent["due_date"] == date(2026, 7, 2)  # the second business day
    assert silent["value_at_stake"] == Decimal("1500.00")
    assert (silent["value_basis"], silent["expected_value"]) == ("not measured", None)
    asked = found["opportunity", "unanswered"]
    assert asked["due_date"] == date(2026, 7, 1)
    assert "4 days ago" in asked["reason"]
    manager = found["lead", "nobody's"]
    assert (manager["owner_role"], manager["assigned_user_id"]) == ("manager", None)
    assert found["opportunity", "calm"]["probability"] == 0.4
    redated = found["opportunity", "redated"]
    assert (redated["fired_count"], redated["suppressed_count"]) == (2, 1)
    late = found["opportunity", "late"]
    assert late["second_rule_code"] == "reach_decision_maker"


def test_on_friday_work_is_due_on_monday(con: Any):
    assert told(con, date(2026, 6, 26))["opportunity", "unanswered"]["rule_code"] == "keep_to_plan"
    assert told(con, date(2026, 6, 27))["opportunity", "unanswered"]["due_date"] == date(
        2026, 6, 29
    )


def test_nothing_recorded_after_the_evening_changes_an_action(con: Any):
    before = recommend_next_actions(con, AS_OF)
    changed = con.cursor()
    changed.begin()
    end = "timestamp '2026-07-01 00:00'"
    for statement in (
        f"delete from core.fct_opportunity_event where recorded_at >= {end}",
        f"update core.fct_activity set direction = 'inbound' where recorded_at >= {end}",
        "insert into core.fct_activity (activity_id, activity_type, direction, occurred_at, "
        "recorded_at, person_lead_id, account_id) select 'late' || range, 'call', 'outbound', "
        f"timestamp '2026-06-30 10:00', {end}, 'new', 'quiet' from range(9)",
        "insert into core.bridge_activity_opportunity select 'late' || range, 'silent', 1.0 "
        "from range(9)",
        "insert into core.fct_opportunity_event (change_id, opportunity_id, field, new_value, "
        "changed_at, recorded_at) select opportunity_id || field, opportunity_id, field, "
        "case field when 'stage' then 'Closed Lost' when 'owner_user_id' then 'u9' "
        f"when 'amount_local' then '9' end, timestamp '2026-06-29', {end} "
        "from core.fct_opportunity_event",
        "update core.dim_lead set valid_to = '2026-07-05' where valid_to is null",
        "insert into core.dim_lead (lead_id, is_converted, converted_at, created_at, valid_from) "
        "values ('new', true, '2026-07-05', '2026-06-29 09:00', '2026-07-05')",
        "insert into core.fct_lifecycle_event (lead_id, stage, entered_at, recorded_at, "
        f"lifecycle_event_id) values ('new', 'Lost', '2026-06-29 10:00', {end}, 'x')",
        "insert into core.fct_touchpoint (touch_id, lead_id, account_id, occurred_at, "
        f"recorded_at) values ('t', 'worked', 'quiet', '2026-06-30 09:00', {end})",
        "update core.fct_opportunity set stage = 'Closed Won', is_open = false, amount = 7",
    ):
        changed.execute(statement)
    after = recommend_next_actions(changed, AS_OF)
    changed.rollback()
    assert after.equals(before)


def test_a_company_without_deals_leads_and_accounts_has_no_actions():
    assert recommend_next_actions(warehouse({}), AS_OF).is_empty()


def signal_frame(**columns: list[Any]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    return pl.DataFrame(
        {
            "entity_id": [f"d{n}" for n in range(count)],
            "value_at_stake": [1000.0] * count,
            "probability": [0.5] * count,
            **columns,
        }
    )


def test_the_highest_expected_value_is_chosen_and_priority_decides_among_equals():
    rules = read_rules(
        pl.DataFrame(
            [
                rule("strong", conditions="days >= 3", measured_by="call", quiet_days=2),
                rule("weak", conditions="days >= 1", measured_by="contact"),
                rule("urgent", conditions="days >= 1", priority=1),
                rule("later", priority=9),
                rule("also later", priority=9),
            ]
        )
    )
    now = signal_frame(
        days=[5, 2, 5, 0], days_since_call=[None, None, 1, None],
        days_since_contact=[None, None, None, None],
    ).with_columns(pl.col("days_since_call", "days_since_contact").cast(pl.Int64))  # fmt: skip
    found = {
        "strong": Association(math.log(3), math.log(3), 0.1, 90, 90, 40, 20),
        "weak": Association(-math.log(3), -math.log(3), 0.1, 90, 90, 20, 40),
    }
    fired = fired_rules(rules, now, found)
    chosen = chosen_rules(fired)
    assert chosen["rule_code"].to_list() == ["strong", "urgent", "urgent", "also later"]
    assert chosen["second_rule_code"].to_list() == ["urgent", "also later", "also later", "later"]
    assert chosen["fired_count"].to_list() == [5, 4, 5, 2]
    assert chosen["suppressed_count"].to_list() == [0, 0, 1, 0]
    # odds of 1 times 3 are a probability of 0.75
    assert chosen["probability_gain"][0] == pytest.approx(0.25)
    assert chosen["expected_value"][0] == pytest.approx(250)
    assert chosen["expected_value"].to_list()[1:] == [None, None, None]


def test_the_common_odds_ratio_is_that_of_mantel_and_haenszel():
    # two strata with an odds ratio of 2 each: (20*20)/(20*10) and (10*40)/(20*10)
    a, b, c, d = (np.array(x, dtype=float) for x in ([20, 10], [20, 20], [10, 10], [20, 40]))
    log_odds, variance = mantel_haenszel(a, b, c, d)
    assert log_odds == pytest.approx(math.log(2))
    # a single table's variance is that of Woolf, 1/a + 1/b + 1/c + 1/d
    _, one = mantel_haenszel(a[:1], b[:1], c[:1], d[:1])
    assert one == pytest.approx(1 / 20 + 1 / 20 + 1 / 10 + 1 / 20)
    assert variance < one
    assert all(np.isnan(mantel_haenszel(a[:1], b[:1], 0 * c[:1], d[:1])))


def history(gain: float, seed: int, deals: int = 4000) -> pl.DataFrame:
    """Deals of which those that were called won more often by `gain` (log odds), in two stages
    whose deals are called and won more often whatever is done."""
    rng = np.random.default_rng(seed)
    late = rng.random(deals) < 0.5
    called = rng.random(deals) < np.where(late, 0.7, 0.2)
    chance = 1 / (1 + np.exp(-(np.where(late, 0.5, -1.5) + gain * called)))
    end = datetime(2026, 1, 1)
    return pl.DataFrame(
        {
            "entity_id": [f"d{n}" for n in range(deals)],
            "as_of_end": [end] * deals,
            "stratum": np.where(late, "Negotiation", "Discovery"),
            "days": [5] * deals,
            "decided_at": [end + timedelta(days=60)] * deals,
            "is_success": rng.random(deals) < chance,
            "next_call_at": [end + timedelta(days=2) if one else None for one in called],
        },
        schema_overrides={"next_call_at": pl.Datetime("us")},
    )


@pytest.mark.parametrize("gain", [0.0, 0.8])
def test_what_went_along_with_an_action_is_found_within_strata(gain: float):
    rules = read_rules(pl.DataFrame([rule("call", conditions="days >= 3", measured_by="call")]))
    found = measured(rules, history(gain, 4), 180, frozenset())["call"]
    assert found.raw_log_odds == pytest.approx(gain, abs=3 * found.standard_error)
    assert abs(found.log_odds) <= abs(found.raw_log_odds)
    if gain:
        assert found.log_odds > 0.6


def test_an_association_needs_cases_and_counts_from_its_landmark():
    rules = read_rules(pl.DataFrame([rule("call", conditions="days >= 3", measured_by="call")]))
    past = history(0.8, 5)
    assert not measured(rules, past.head(40), 180, frozenset())
    assert not measured(rules, past.with_columns(days=pl.lit(1)), 180, frozenset())
    decided_early = past.with_columns(decided_at=pl.lit(datetime(2026, 1, 4)))
    assert not measured(rules, decided_early, 180, frozenset())
    too_late = past.with_columns(decided_at=pl.lit(datetime(2026, 12, 1)))
    assert not measured(rules, too_late, 180, frozenset())
    score = [rule("call", conditions="days >= 3; score > 0.9", measured_by="call")]
    with_score = read_rules(pl.DataFrame(score))
    assert measured(with_score, past, 180, frozenset({"score"}))


def test_past_evenings_leave_time_for_what_came_of_them():
    days = past_evenings(date(2026, 6, 30), "lead", 14)
    assert days == [
        date(2026, 2, 28), date(2025, 12, 31), date(2025, 10, 31), date(2025, 8, 31),
        date(2025, 6, 30),
    ]  # fmt: skip


def test_the_playbook_is_read_and_has_rules_for_all():
    rules = read_rules(seed())
    kinds = [one.entity_type for one in rules]
    assert min(kinds.count(kind) for kind in ("opportunity", "lead", "account")) >= 6
    assert len(rules) >= 30
    assert all(one.source_ids and one.action and one.reason.endswith(".") for one in rules)
    catch_all = {one.entity_type for one in rules if not one.conditions}
    assert catch_all == {"opportunity", "lead"}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"conditions": "days about 3"}, "can't read the condition 'days about 3'"),
        ({"conditions": "days >= many"}, "'many', which is no number"),
        ({"entity_type": "deal"}, "entity_type 'deal' is none of"),
        ({"conditions": "moon = full"}, "opportunity has no signal moon"),
        ({"reason": "Since {moon}."}, "opportunity has no signal moon"),
        ({"measured_by": "prayer"}, "measured_by 'prayer' is none of"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(more: dict[str, object], says: str):
    con = warehouse(CORE, pl.DataFrame([rule("odd", **more)]))
    with pytest.raises(ValueError, match="rule odd") as raised:
        recommend_next_actions(con, AS_OF)
    assert says in str(raised.value)


def test_conditions_compare_numbers_words_and_flags():
    frame = pl.DataFrame({"days": [3, None], "stage": ["SQL", "Lead"], "is_hot": [True, None]})

    def holds(text: str) -> list[bool]:
        (condition,) = conditions_of("r", text)
        return frame.select(condition.holds().alias("x"))["x"].to_list()

    assert holds("days >= 3") == [True, False]
    assert holds("days <> 3") == [False, False]
    assert holds("stage in SAL|SQL") == [True, False]
    assert holds("stage <> SQL") == [False, True]
    assert holds("is_hot = true") == [True, False]
    assert holds("is_hot = false") == [False, False]
