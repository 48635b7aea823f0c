"""The lead score as a whole: trained, judged, scoring, and silent where it knows too little."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import lead_company
import numpy as np
import polars as pl
import pytest
from lead_company import AS_OF, LeadCompany, Tables, connect, simulate

from ml_assets.evaluation import roc_auc
from ml_assets.features.lead import lead_features
from ml_assets.features.lead_snapshots import LeadSampling, open_leads, training_leads
from ml_assets.leads import SCORE_SCHEMA, LeadModelSettings, LeadProcedure, score_open_leads
from ml_assets.registry import Evaluated, HeldOut, Sample, empty_registry, learn

SEED = 7
PROCEDURE = LeadProcedure(
    LeadModelSettings(sampling=LeadSampling(share=1.0), test_days=120, origins=1)
)


@dataclass(frozen=True)
class Said:
    """What was learnt and said on an evening."""

    company: LeadCompany
    evaluated: Evaluated
    registry: pl.DataFrame
    features: pl.DataFrame
    scores: pl.DataFrame
    models_dir: Path


def say(company: LeadCompany, models_dir: Path, as_of: date = AS_OF) -> Said:
    with connect(company.tables) as con:
        evaluated, registry = learn(con, as_of, models_dir, SEED, PROCEDURE, empty_registry())
        features = lead_features(con, open_leads(con, as_of))
        scores = score_open_leads(con, as_of, models_dir, registry).rows
    return Said(company, evaluated, registry, features, scores, models_dir)


@pytest.fixture(scope="module")
def with_signal(tmp_path_factory: pytest.TempPathFactory) -> Said:
    return say(simulate(), tmp_path_factory.mktemp("signal"))


def test_a_model_that_keeps_what_its_bands_promise_is_promoted(with_signal: Said) -> None:
    evaluated = with_signal.evaluated

    assert evaluated.is_promoted, evaluated.reason
    promised = {
        row["metric"]: (row["value"], row["baseline_value"])
        for row in evaluated.backtest_rows.filter(pl.col("baseline") == "promised").to_dicts()
    }
    assert promised["high_score_close_rate"][0] > promised["high_score_close_rate"][1] == 0.30
    assert promised["low_score_close_rate"][0] < promised["low_score_close_rate"][1] == 0.10
    assert promised["lead_score_r2"][0] > promised["lead_score_r2"][1] == 0.65


def test_it_ranks_leads_nearly_as_well_as_their_true_chances(with_signal: Said) -> None:
    """The truth knows an intent that only shows in a few answers and visits."""
    metrics = with_signal.evaluated.metrics
    later = pl.read_parquet(
        next(with_signal.models_dir.rglob("held_out/later_leads.parquet"))
    ).join(with_signal.company.truth, left_on="group", right_on="lead_id")
    best = roc_auc(later["outcome"].to_numpy(), later["chance"].to_numpy())
    backtest = metrics["backtest"]
    assert isinstance(backtest, dict)
    assert backtest["metrics"]["roc_auc"]["value"] > 0.7
    assert backtest["metrics"]["roc_auc"]["value"] > best - 0.12


def test_shuffled_labels_teach_nothing(with_signal: Said) -> None:
    with connect(with_signal.company.tables) as con:
        sample = PROCEDURE.sample(con, AS_OF)
    frame = sample.frames["labelled"]
    shuffled = frame.with_columns(
        is_converted_in_time=frame["is_converted_in_time"].shuffle(seed=3)
    )
    dealt = Sample({**sample.frames, "labelled": shuffled}, sample.facts)
    trained = PROCEDURE.train(dealt, AS_OF, SEED)
    judged = PROCEDURE.judge(HeldOut(trained.held_out, trained.facts))

    later = trained.held_out["later_leads"]
    auc = roc_auc(later["outcome"].to_numpy(), later["probability"].to_numpy())
    assert abs(auc - 0.5) < 0.05
    assert judged.decision.code == "no_signal"


def test_every_open_lead_has_one_score_in_the_shape_of_the_table(with_signal: Said) -> None:
    scores = with_signal.scores

    assert dict(scores.schema) == dict(SCORE_SCHEMA)
    last = (
        with_signal.company.tables["fct_lifecycle_event"]
        .sort("event_number")
        .group_by("lead_id")
        .agg(pl.col("stage").last())
    )
    still_open = last.filter(pl.col("stage").is_in(["Lead", "SAL"]))["lead_id"]
    assert scores["lead_id"].to_list() == sorted(still_open.to_list())
    assert set(scores["data_sufficiency"]) == {"model"}
    for column in ("score", "fit_score", "engagement_score"):
        assert scores[column].is_between(0, 100).all()
    assert (scores["conversion_probability_low"] <= scores["conversion_probability"]).all()
    assert (scores["conversion_probability"] <= scores["conversion_probability_high"]).all()
    assert set(scores["horizon_days"]) == {60}


def test_calls_follow_the_score_and_reasons_are_given(with_signal: Said) -> None:
    for row in with_signal.scores.to_dicts():
        expected = (
            "qualify" if row["score"] > 70 else "disqualify" if row["score"] < 40 else "nurture"
        )
        assert row["qualification"] == expected
        reasons = json.loads(row["top_factors"])
        assert reasons
        assert {"name", "value", "direction", "contribution"} == set(reasons[0])


def test_the_parts_say_who_a_lead_is_and_what_it_does(with_signal: Said) -> None:
    """Referrals convert most and outbound leads least; who answers has intent."""
    leads = with_signal.scores.join(with_signal.features, on=["lead_id", "as_of_date"])
    by_source = {
        source: leads.filter(pl.col("lead_source") == source)["fit_score"].to_numpy().mean()
        for source in ("Referral", "Outbound")
    }
    assert by_source["Referral"] > by_source["Outbound"] + 20
    young = leads.filter(pl.col("age_days") < 20)
    busy = young.filter(pl.col("signals_total") >= 3)["engagement_score"].to_numpy()
    silent = young.filter(pl.col("signals_total") == 0)["engagement_score"].to_numpy()
    assert busy.mean() > silent.mean() + 20


def test_engagement_fades_while_nothing_happens(with_signal: Said) -> None:
    """The same leads, looked at again 14 days after, with nothing in between."""
    with connect(with_signal.company.tables) as con:
        early = open_leads(con, AS_OF)
        late = open_leads(con, AS_OF + timedelta(days=14))
        assert early["lead_id"].equals(late["lead_id"])
        before, after = lead_features(con, early), lead_features(con, late)
    for name in ("answers_decayed", "interest_decayed"):
        assert np.allclose(after[f"{name}_14d"].to_numpy(), before[f"{name}_14d"].to_numpy() / 2)
        assert np.allclose(after[f"{name}_7d"].to_numpy(), before[f"{name}_7d"].to_numpy() / 4)
    with connect(with_signal.company.tables) as con:
        said = score_open_leads(
            con, AS_OF + timedelta(days=14), with_signal.models_dir, with_signal.registry
        ).rows
    both = with_signal.scores.join(said, on="lead_id", suffix="_later")
    engaged = both.filter(pl.col("engagement_score") > 70)
    assert engaged.height > 10
    assert (
        engaged["engagement_score_later"].to_numpy().mean()
        < engaged["engagement_score"].to_numpy().mean()
    )


def test_a_lead_younger_than_the_horizon_has_no_label() -> None:
    """Also if it has converted: else the latest rows would hold conversions only. l1 converts on
    the 60th day after the day it is looked at, l2 on the 61st."""
    came = datetime(2025, 3, 1, 9)

    def life(key: str, converted: datetime) -> list[tuple[object, ...]]:
        return [
            (key, 1, "Lead", came, came, False, False),
            (key, 2, "SQL", converted, converted, False, False),
        ]

    def versions(key: str, converted: datetime) -> list[tuple[object, ...]]:
        same = ("Acme", f"{key}@acme.example", None, "Web", None, None, None, None, None, "u")
        return [
            (key, *same, False, True, False, came, came, converted, False, False),
            (key, *same, True, True, False, came, converted, None, True, False),
        ]

    in_time, too_late = datetime(2025, 4, 30, 23), datetime(2025, 5, 1, 1)
    # somebody else's change in January: from then on the sources tell every change
    other = datetime(2025, 1, 1)
    tables = {
        "fct_lifecycle_event": lead_company.table(
            "fct_lifecycle_event",
            [
                *life("l1", in_time),
                *life("l2", too_late),
                ("l0", 1, "Lead", other, other, False, False),
            ],
        ),
        "dim_lead": lead_company.table(
            "dim_lead",
            [
                *versions("l1", in_time),
                *versions("l2", too_late),
                *(
                    ("l0", "Old", None, None, "Web", None, None, None, None, None, "u", False, True,
                     True, other, at, until, until is None, False)
                    for at, until in ((other, datetime(2025, 1, 2)), (datetime(2025, 1, 2), None))
                ),
            ],
        ),
    }  # fmt: skip
    first_day = date(2025, 3, 1)
    labels: dict[date, dict[str, bool | None]] = {}
    for clock in (date(2025, 4, 29), date(2025, 4, 30)):
        with connect(tables) as con:
            frame = training_leads(con, clock, LeadSampling(share=1.0)).frame
        labels[clock] = dict(
            frame.filter(pl.col("as_of_date") == first_day)
            .select("lead_id", "is_converted_in_time")
            .iter_rows()
        )

    assert labels[date(2025, 4, 29)] == {"l1": None, "l2": None}
    assert labels[date(2025, 4, 30)] == {"l1": True, "l2": False}


def test_too_few_leads_get_the_base_rate_and_a_reason(tmp_path: Path) -> None:
    """Of 60 leads, those that came 60 days before the evening tell the rate."""
    company = simulate(leads=60)
    said = say(company, tmp_path)

    assert not said.evaluated.is_promoted
    assert "are needed" in said.evaluated.reason
    scores = said.scores
    assert set(scores["data_sufficiency"]) == {"insufficient_history: base rate"}
    steps = company.tables["fct_lifecycle_event"]
    lives = steps.group_by("lead_id").agg(
        came=pl.col("entered_at").min(),
        converted=pl.col("entered_at").filter(pl.col("stage") == "SQL").min(),
    )
    old = lives.filter(pl.col("came") < datetime(2025, 12, 29) - timedelta(days=60))
    rate = old.filter(pl.col("converted") < pl.col("came") + timedelta(days=60)).height / old.height
    assert scores["conversion_probability"].unique().to_list() == [pytest.approx(rate)]
    assert scores["fit_score"].null_count() == scores.height
    assert scores["top_factors"].unique().to_list() == ["[]"]


def test_a_company_without_leads_has_an_empty_table(tmp_path: Path) -> None:
    with connect({}) as con:
        evaluated, registry = learn(con, AS_OF, tmp_path, SEED, PROCEDURE, empty_registry())
        scored = score_open_leads(con, AS_OF, tmp_path, registry)

    assert scored.rows.height == 0
    assert dict(scored.rows.schema) == dict(SCORE_SCHEMA)
    assert "0 converted and 0 other leads" in evaluated.reason


EVENING = date(2025, 8, 31)  # a Sunday
END = datetime(2025, 9, 1)
RECORDED = {
    "fct_lifecycle_event": "recorded_at", "fct_activity": "recorded_at",
    "fct_touchpoint": "recorded_at", "fct_email_event": "recorded_at",
    "fct_campaign_member": "created_at", "dim_lead": "valid_from",
}  # fmt: skip


def deleted(tables: Tables) -> Tables:
    """Everything recorded later is gone."""
    return tables | {
        name: tables[name].filter(pl.col(recorded) < END) for name, recorded in RECORDED.items()
    }


def altered(tables: Tables) -> Tables:
    """Everything recorded later says something else; so do the columns that say how things are."""
    later = pl.col("recorded_at") >= END
    steps, leads = tables["fct_lifecycle_event"], tables["dim_lead"]
    return tables | {
        "fct_lifecycle_event": steps.with_columns(
            stage=pl.when(later)
            .then(pl.col("stage").replace({"SQL": "Disqualified", "Disqualified": "SQL"}))
            .otherwise("stage")
        ),
        "fct_activity": tables["fct_activity"].with_columns(
            direction=pl.when(later).then(pl.lit("inbound")).otherwise("direction")
        ),
        "dim_lead": leads.with_columns(
            rating=pl.when(pl.col("valid_from") >= END).then(pl.lit("Hot")).otherwise("rating"),
            is_current=pl.lit(False),
        ),
    }


def added(tables: Tables) -> Tables:
    """More is recorded later, about what happened earlier."""
    late, before = END + timedelta(days=2), END - timedelta(days=5)
    leads = tables["dim_lead"]["lead_id"].unique(maintain_order=True)

    def rows(name: str, *values: object) -> pl.DataFrame:
        return lead_company.table(name, [(key, *values) for key in leads])

    activities = lead_company.table(
        "fct_activity",
        [(f"late-{key}", "email", "inbound", before, late, key, False, None) for key in leads],
    )
    more = {
        "fct_lifecycle_event": rows("fct_lifecycle_event", 99, "SQL", before, late, False, False),
        "fct_activity": activities,
        "fct_touchpoint": rows("fct_touchpoint", "form_submission", before, late),
        "fct_email_event": rows("fct_email_event", "click", before, late),
        "fct_campaign_member": rows("fct_campaign_member", late),
        "dim_account": lead_company.table(
            "dim_account",
            [
                (f"a{n}", f"Company {n}", None, "SMB", False, False, late, None)
                for n in range(1_000)
            ],
        ),
    }
    return tables | {name: pl.concat([tables[name], frame]) for name, frame in more.items()}


@pytest.fixture(scope="module")
def that_evening(with_signal: Said, tmp_path_factory: pytest.TempPathFactory) -> Said:
    said = say(with_signal.company, tmp_path_factory.mktemp("evening"), EVENING)
    assert said.scores.height > 50
    return said


@pytest.mark.parametrize("mutation", [deleted, altered, added])
def test_what_is_recorded_later_changes_no_feature_no_model_and_no_score(
    that_evening: Said, mutation: Callable[[Tables], Tables]
) -> None:
    """The model's version holds the fingerprint of all that it was trained on."""
    company = LeadCompany(mutation(that_evening.company.tables), that_evening.company.truth)
    again = say(company, that_evening.models_dir, EVENING)

    assert again.features.equals(that_evening.features)
    assert again.evaluated.version == that_evening.evaluated.version
    assert again.scores.equals(that_evening.scores)


@pytest.mark.parametrize("mutation", [deleted, altered, added])
def test_the_mutations_do_change_later_days(
    with_signal: Said, mutation: Callable[[Tables], Tables]
) -> None:
    """Or the test above would prove nothing."""
    with connect(mutation(with_signal.company.tables)) as con:
        changed = lead_features(con, open_leads(con, AS_OF))
    assert not changed.equals(with_signal.features)
