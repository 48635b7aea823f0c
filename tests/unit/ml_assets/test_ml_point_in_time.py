"""Nothing that is recorded after a day may change what is said about that day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from synthetic_core import AS_OF, SCHEMAS, Company, connect
from trained_company import Trained, train_opportunity_model

from ml_assets.features import Sampling, open_opportunities, opportunity_features
from ml_assets.features.snapshots import snapshot_state, training_snapshots
from ml_assets.opportunities import score_open_opportunities

EVENING = date(2025, 6, 29)  # a Sunday: models are trained with all that is known this evening
END = datetime(2025, 6, 30)
Tables = dict[str, pl.DataFrame]


def built_as_of_the_evening(tables: Tables) -> Tables:
    """What the warehouse would hold that evening where its tables are rebuilt every night."""
    last_stage = (
        tables["fct_opportunity_event"]
        .filter((pl.col("field") == "stage") & (pl.col("recorded_at") < END))
        .sort("changed_at")
        .group_by("opportunity_id")
        .agg(last=pl.col("new_value").last())
    )
    facts = (
        tables["fct_opportunity"]
        .join(last_stage, on="opportunity_id")
        .with_columns(
            is_open=~pl.col("last").is_in(["Closed Won", "Closed Lost"]),
            as_of_date=pl.lit(EVENING),
        )
        .drop("last")
    )
    return tables | {"fct_opportunity": facts}


def deleted(tables: Tables) -> Tables:
    """Everything recorded later is gone."""
    return tables | {
        name: tables[name].filter(pl.col("recorded_at") < END)
        for name in ("fct_opportunity_event", "fct_activity")
    }


def altered(tables: Tables) -> Tables:
    """Everything recorded later says something else; so do the columns that say how things are."""
    events = tables["fct_opportunity_event"]
    later = pl.col("recorded_at") >= END
    swapped = pl.col("new_value").replace(
        {"Closed Won": "Closed Lost", "Closed Lost": "Closed Won", "Proposal": "Prospecting"}
    )
    activities = tables["fct_activity"]
    return tables | {
        "fct_opportunity_event": events.with_columns(
            new_value=pl.when(later).then(swapped).otherwise("new_value")
        ),
        "fct_activity": activities.with_columns(
            direction=pl.when(later).then(pl.lit("inbound")).otherwise("direction"),
            outcome=pl.when(later).then(pl.lit("no_show")).otherwise("outcome"),
        ),
        "fct_opportunity": tables["fct_opportunity"].with_columns(
            stage=pl.lit("Closed Won"), loss_reason=pl.lit("Competitor")
        ),
    }


def later_signals(deals: pl.Series, before: datetime, late: datetime) -> Tables:
    """Conversations, judgements, evidence, rivals and leads of every deal, all known too late."""
    rows = {
        "fct_conversation": {"activity_id": "late", "sentiment": 0.9, "occurred_at": before,
                             "recorded_at": late},
        "fct_qualification": {"framework": "BANT", "criterion_code": "budget", "is_met": True,
                              "assessed_at": before, "recorded_at": late},
        "fct_stage_evidence": {"stage": "Discovery", "met_at": before, "recorded_at": late},
        "fct_opportunity_competitor": {"competitor_id": "x", "first_seen_at": late},
        "fct_opportunity_contact": {"contact_id": "c", "is_champion": True, "created_at": late,
                                    "modified_at": late},
    }  # fmt: skip
    told = {
        name: pl.DataFrame([{"opportunity_id": key, **row} for key in deals], schema=SCHEMAS[name])
        for name, row in rows.items()
    }
    leads = [
        {"lead_id": key, "rating": "Hot", "converted_opportunity_id": key, "created_at": before,
         "converted_at": late, "valid_from": late}
        for key in deals
    ]  # fmt: skip
    return told | {"dim_lead": pl.DataFrame(leads, schema=SCHEMAS["dim_lead"])}


def added(tables: Tables) -> Tables:
    """More is recorded later: also about what happened earlier, in every table with a history."""
    late = END + timedelta(days=3)
    before = END - timedelta(days=9)
    deals = tables["fct_opportunity"]["opportunity_id"]
    events = pl.DataFrame(
        {
            "change_id": [f"late-{key}" for key in deals],
            "opportunity_id": deals,
            "field": "stage",
            "old_value": "Prospecting",
            "new_value": "Negotiation",
            "changed_at": before,
            "recorded_at": late,
        },
        schema_overrides={"changed_at": pl.Datetime("us"), "recorded_at": pl.Datetime("us")},
    )
    calls = (
        tables["fct_activity"]
        .head(3_000)
        .with_columns(
            activity_id=pl.format("late-{}", "activity_id"),
            occurred_at=pl.lit(before),
            recorded_at=pl.lit(late),
        )
    )
    links = calls.select("activity_id").with_columns(
        opportunity_id=pl.Series([deals[i % len(deals)] for i in range(calls.height)]),
        confidence=pl.lit(1.0),
    )
    accounts = tables["dim_account"]
    versions = pl.concat(
        [
            accounts.with_columns(valid_to=pl.lit(late)),
            accounts.with_columns(segment=pl.lit("Enterprise"), valid_from=pl.lit(late)),
        ]
    )
    rates = tables["fct_fx_rate"]
    new_rates = pl.concat(
        [
            rates.with_columns(valid_to=pl.lit(late.date())),
            rates.with_columns(
                valid_from=pl.lit(late.date()),
                rate_to_corporate=pl.lit(3).cast(pl.Decimal(18, 8)),
            ),
        ]
    )
    return tables | {
        **later_signals(deals, before, late),
        "fct_opportunity_event": pl.concat([tables["fct_opportunity_event"], events]),
        "fct_activity": pl.concat([tables["fct_activity"], calls]),
        "bridge_activity_opportunity": pl.concat([tables["bridge_activity_opportunity"], links]),
        "dim_account": versions,
        "fct_fx_rate": new_rates,
    }


MUTATIONS: list[Callable[[Tables], Tables]] = [deleted, altered, added]


@pytest.fixture(scope="module")
def company(with_signal: Trained) -> Company:
    return with_signal.company


@dataclass(frozen=True)
class Said:
    """What was said that evening, and the folder of the model that said it."""

    features: pl.DataFrame
    scores: pl.DataFrame
    model_version: str
    models_dir: Path


def say(tables: Tables, models_dir: Path) -> Said:
    with connect(built_as_of_the_evening(tables)) as con:
        deals = open_opportunities(con, EVENING)
        features = opportunity_features(con, snapshot_state(con, deals))
        result = train_opportunity_model(con, EVENING, models_dir)
        scores = score_open_opportunities(con, EVENING, models_dir, result.registry).rows
    return Said(features, scores, result.evaluated.version, models_dir)


@pytest.fixture(scope="module")
def said(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Said:
    said = say(company.tables, tmp_path_factory.mktemp("evening"))
    assert set(said.scores["data_sufficiency"]) == {"model"}
    return said


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_what_is_recorded_later_changes_no_feature_no_model_and_no_score(
    company: Company, said: Said, mutation: Callable[[Tables], Tables]
) -> None:
    """The model's version holds the fingerprint of all that it was trained on."""
    again = say(mutation(company.tables), said.models_dir)
    assert again.features.equals(said.features)
    assert again.model_version == said.model_version
    assert again.scores.equals(said.scores)


def features_of_past_snapshots(tables: Tables) -> pl.DataFrame:
    """Of the snapshots up to the evening, taken long after it."""
    with connect(tables) as con:
        state = training_snapshots(con, AS_OF, Sampling()).frame
        return opportunity_features(con, state.filter(pl.col("as_of_date") <= EVENING))


@pytest.fixture(scope="module")
def past_features(company: Company) -> pl.DataFrame:
    return features_of_past_snapshots(company.tables)


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_past_snapshots_don_t_see_what_came_after_them(
    company: Company, past_features: pl.DataFrame, mutation: Callable[[Tables], Tables]
) -> None:
    """Their labels may differ, and so which of them have one; their features may not."""
    keys = ["opportunity_id", "as_of_date"]
    changed = features_of_past_snapshots(mutation(company.tables))
    shared = past_features.select(keys).join(changed.select(keys), on=keys)
    assert shared.height > 300
    original, again = (frame.join(shared, on=keys).sort(keys) for frame in (past_features, changed))
    assert original.equals(again)


def test_the_mutations_do_change_later_days(company: Company) -> None:
    """Or the tests above would prove nothing."""
    with connect(company.tables) as con:
        deals = open_opportunities(con, AS_OF)
        original = opportunity_features(con, snapshot_state(con, deals))
    for mutation in MUTATIONS:
        with connect(mutation(company.tables)) as con:
            changed = opportunity_features(con, snapshot_state(con, deals))
        assert not changed.equals(original)
