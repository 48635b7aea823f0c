"""Levers: the model's own answer to changed facts, not to single changed features."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from synthetic_core import AS_OF
from trained_company import Trained

from ml_assets.features import features_of, open_opportunities, opportunity_facts
from ml_assets.features.snapshots import snapshot_state
from ml_assets.opportunities.levers import LEVERS, Benchmarks, levers_of
from ml_assets.opportunities.model import OpportunityModel
from ml_assets.registry import champion_folder


@pytest.fixture(scope="module")
def facts(with_signal: Trained) -> pl.DataFrame:
    deals = open_opportunities(with_signal.con, AS_OF).drop("score_amount")
    return opportunity_facts(with_signal.con, snapshot_state(with_signal.con, deals))


@pytest.fixture(scope="module")
def model(with_signal: Trained) -> OpportunityModel:
    version = with_signal.result.evaluated.version
    return OpportunityModel.load(
        champion_folder(with_signal.models_dir, "opportunity_score", version)
    )


def always(**values: float) -> Benchmarks:
    """The same benchmarks in every stage."""
    return Benchmarks({"": values})


def of_feature(name: str, weight: float = 0.01) -> object:
    """A model that reads one feature."""

    def score(features: pl.DataFrame) -> NDArray[np.float64]:
        return 0.2 + weight * features[name].cast(pl.Float64).fill_null(0.0).to_numpy()

    return score


def told(facts: pl.DataFrame, benchmarks: Benchmarks, name: str, weight: float = 0.01) -> list[
    list[Mapping[str, object]]
]:  # fmt: skip
    score = of_feature(name, weight)
    current = score(features_of(facts))  # type: ignore[operator]
    return [json.loads(text) for text in levers_of(facts, benchmarks, score, current)]  # type: ignore[arg-type]


def test_a_lever_moves_a_fact_to_what_won_deals_had(facts: pl.DataFrame) -> None:
    levers = told(facts, always(inbound_30d=5), "inbound_30d")
    for have, found in zip(facts["inbound_30d"], levers, strict=True):
        if have >= 5:
            assert found == []
        else:
            assert [lever["lever"] for lever in found] == ["reply"]
            assert found[0]["now"] == f"inbound in 30 days: {have}"
            assert found[0]["then"] == "inbound in 30 days: 5"
            assert found[0]["gain"] == pytest.approx(0.01 * (5 - have), abs=1e-4)
            assert found[0]["probability"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("inbound_total", lambda row, more: row["inbound_total"] + more),
        ("activities_30d", lambda row, more: row["activities_30d"] + more),
        ("days_since_inbound", lambda row, more: 0),
        (
            "inbound_share",
            lambda row, more: (
                (row["inbound_total"] + more)
                / (row["inbound_total"] + more + row["outbound_total"])
            ),
        ),
        (
            "inbound_to_usual",
            lambda row, more: (row["inbound_emails_total"] + more + 2) / (row["usual_inbound"] + 2),
        ),
    ],
)
def test_what_follows_from_a_changed_fact_changes_with_it(
    facts: pl.DataFrame, feature: str, expected: object
) -> None:
    """One lever alone is tried, by a model that tells what it was shown."""
    row = facts.filter(pl.col("inbound_30d") < 5).head(1)
    shown: list[float] = []

    def score(features: pl.DataFrame) -> NDArray[np.float64]:
        shown.append(float(features[feature][0]))
        return np.full(features.height, 0.5)

    levers_of(row, always(inbound_30d=5), score, np.array([0.1]))
    values = row.row(0, named=True)
    assert shown[0] == pytest.approx(expected(values, 5 - values["inbound_30d"]))  # type: ignore[operator]


def test_only_what_raises_the_score_is_told_strongest_first(
    facts: pl.DataFrame, model: OpportunityModel
) -> None:
    features = features_of(facts)
    current = model.scorer.probability(features)
    texts = levers_of(facts, model.benchmarks, model.scorer.probability, current)
    found = [json.loads(text) for text in texts]
    assert sum(map(len, found)) > len(found) / 3
    for chance, levers in zip(current, found, strict=True):
        gains = [lever["gain"] for lever in levers]
        assert len(gains) <= 3
        assert gains == sorted(gains, reverse=True)
        for lever in levers:
            assert set(lever) == {"lever", "name", "now", "then", "probability", "gain"}
            assert lever["gain"] >= 0.005
            assert lever["probability"] - chance == pytest.approx(lever["gain"], abs=1e-4)


def test_the_cause_of_winning_is_the_main_lever(
    facts: pl.DataFrame, model: OpportunityModel
) -> None:
    """Buyers' answers are all that tells good deals from bad ones in this company."""
    levers = model.predict(facts)["levers"]
    first = [json.loads(text)[0]["lever"] for text in levers if text != "[]"]
    assert first.count("reply") > 0.7 * len(first)


def test_an_overdue_close_date_moves_ahead(facts: pl.DataFrame) -> None:
    overdue = facts.filter(pl.col("days_to_close_date") < -9)
    levers = told(overdue, always(days_to_close_date=20), "days_to_close_date")
    for late, found in zip(overdue["days_to_close_date"], levers, strict=True):
        assert [lever["lever"] for lever in found] == ["close_date"]
        assert found[0]["gain"] == pytest.approx(0.01 * (20 - late), abs=1e-4)
    pushes = told(overdue, always(days_to_close_date=20), "push_count", 0.1)
    assert all(found[0]["gain"] == pytest.approx(0.1) for found in pushes)


def test_benchmarks_are_those_of_won_deals_in_the_stage() -> None:
    won = pl.DataFrame(
        {
            "stage": ["Proposal"] * 21 + ["Discovery"] * 3,
            "is_won": [True] * 24,
            "inbound_30d": [float(i) for i in range(21)] + [40.0, 50.0, 60.0],
        }
    ).with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name)
        for name in ("meetings_30d", "people_30d", "contact_role_count", "stage_evidence_count",
                     "days_to_close_date")
    )  # fmt: skip
    lost = won.with_columns(is_won=pl.lit(False), inbound_30d=pl.lit(1_000.0))
    values = Benchmarks.of_won(pl.concat([won, lost])).values
    assert values["Proposal"] == {"inbound_30d": 10.0}
    assert "Discovery" not in values  # too few; they count for any other stage
    assert values[""]["inbound_30d"] in (11.0, 12.0)


def test_every_lever_changes_facts_that_there_are(facts: pl.DataFrame) -> None:
    assert len({lever.key for lever in LEVERS}) == len(LEVERS)
    for lever in LEVERS:
        assert {lever.fact, *lever.changes} <= set(facts.columns)
