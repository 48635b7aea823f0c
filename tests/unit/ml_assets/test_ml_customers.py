"""The models of customers on a company with known truth: they learn it, and see no future."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from contract_company import AS_OF, ContractCompany, connect_with_rules, simulate_contracts

from ml_assets.customers import (
    ChurnProcedure,
    SegmentProcedure,
    ValueProcedure,
    score_churn,
    score_segments,
    score_values,
)
from ml_assets.customers.churn import ChurnSettings, ContractChurn, load_churn
from ml_assets.customers.churn_procedure import LATER_CUSTOMERS
from ml_assets.customers.exposure import contract_exposure, landmarks, with_known_until
from ml_assets.customers.segments import SegmentSettings
from ml_assets.customers.value import ValueModel, history_of
from ml_assets.customers.value_procedure import LATER_PURCHASES, decide_value
from ml_assets.evaluation.metrics import roc_auc
from ml_assets.features.account_deals import account_deals
from ml_assets.registry import Scored, empty_registry
from ml_assets.registry.lifecycle import ModelProcedure, learn
from ml_assets.registry.store import read_candidate
from ml_assets.survival.settings import HazardSettings

SEED = 7
CLOCK = date(2025, 12, 28)  # the last Sunday
EVENING, END = date(2025, 6, 29), datetime(2025, 6, 30)
Tables = dict[str, pl.DataFrame]
Score = Callable[[duckdb.DuckDBPyConnection, date, Path, pl.DataFrame], Scored]
CHURN = ChurnSettings(
    every_days=60,
    hazard=HazardSettings(period_days=28, max_periods=13, max_rows=5_000, max_rounds=60),
)
"""Quicker than in the night."""
MODELS: dict[str, tuple[ModelProcedure, Score]] = {
    "churn_score": (ChurnProcedure(CHURN), score_churn),
    "ltv": (ValueProcedure(), score_values),
    "segment": (
        SegmentProcedure(SegmentSettings(sizes=(2, 3), replicates=6, naming_replicates=2)),
        score_segments,
    ),
}


@dataclass(frozen=True)
class Learnt:
    """The company with a registry in which all its models are."""

    company: ContractCompany
    con: duckdb.DuckDBPyConnection
    folder: Path
    registry: pl.DataFrame

    def version(self, name: str) -> str:
        return str(self.registry.filter(pl.col("model_name") == name)["model_version"][-1])

    def reason(self, name: str) -> str:
        return str(self.registry.filter(pl.col("model_name") == name)["promotion_reason"][-1])


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learnt]:
    company = simulate_contracts()
    folder = tmp_path_factory.mktemp("customers")
    with company.connect() as con:
        registry = empty_registry()
        for procedure, _ in MODELS.values():
            _, registry = learn(con, AS_OF, folder, SEED, procedure, registry)
        yield Learnt(company, con, folder, registry)


@pytest.mark.parametrize("name", MODELS)
def test_what_there_is_to_learn_is_learnt(learnt: Learnt, name: str) -> None:
    assert learnt.reason(name).startswith("Promoted"), learnt.reason(name)
    scored = MODELS[name][1](learnt.con, AS_OF, learnt.folder, learnt.registry)
    assert scored.version == learnt.version(name)
    assert scored.rows["account_id"].is_unique().all()
    assert set(scored.rows["data_sufficiency"]) == {"model"}


def test_who_has_a_loose_bond_is_more_likely_to_leave(learnt: Learnt) -> None:
    """Among customers whose renewal is under way, where the calendar says nothing more."""
    rows = score_churn(learnt.con, AS_OF, learnt.folder, learnt.registry).rows
    truth = pl.DataFrame(
        {"account_id": list(learnt.company.chance), "truth": list(learnt.company.chance.values())}
    )
    soon = rows.filter(pl.col("renewal_date") < AS_OF + timedelta(days=90)).join(
        truth, on="account_id"
    )
    assert soon.height > 25
    ranks = soon.select(pl.col("churn_probability", "truth").rank())
    assert ranks.select(pl.corr("churn_probability", "truth")).item() < -0.3
    factors = json.loads(soon["top_factors"][0])
    assert {"name", "value", "direction", "contribution"} == set(factors[0])


def test_the_value_of_customers_adds_up_to_what_they_go_on_to_buy(learnt: Learnt) -> None:
    stored = read_candidate(learnt.folder, "ltv", learnt.version("ltv"))
    assert stored is not None
    later = stored.held_out[LATER_PURCHASES]
    total = later.select(pl.col("expected", "actual").sum())
    assert total["expected"][0] == pytest.approx(total["actual"][0], rel=0.15)
    inside = later.select(pl.col("actual").is_between("low", "high")).to_series()
    assert 0.78 <= float(inside.cast(pl.Float64).mean() or 0) <= 0.97


def test_customers_who_bought_at_random_are_refused(learnt: Learnt) -> None:
    """Purchases handed out anew among the customers of each origin."""
    stored = read_candidate(learnt.folder, "ltv", learnt.version("ltv"))
    assert stored is not None
    rng = np.random.default_rng(3)
    later = stored.held_out[LATER_PURCHASES]
    shuffled = later.with_columns(actual=pl.Series(rng.permutation(later["actual"].to_numpy())))
    decision, evidence = decide_value(shuffled, SEED)
    assert abs(float(str(evidence["rank_correlation"]))) < 0.1
    assert decision.code == "no_signal"


def test_shuffled_fates_teach_nothing(learnt: Learnt) -> None:
    """Contracts get each other's fates, in the calendar's tables and in the training rows alike."""
    origin = date(2025, 6, 1)
    days = [*landmarks(origin, date(2023, 1, 1), 60), origin]
    exposure = contract_exposure(learnt.con, days, CLOCK)
    history = history_of(account_deals(learnt.con, [origin]), origin)
    rng = np.random.default_rng(5)
    training = with_known_until(exposure, origin)
    fates = rng.permutation(training.height)
    shuffled = training.with_columns(
        training[name].gather(fates) for name in ("event", "days_to_event")
    )
    renewals = [name for name in history.contracts.columns if name.startswith("renewal_")]
    order = rng.permutation(history.contracts.height)
    contracts = history.contracts.with_columns(
        history.contracts[name].gather(order) for name in [*renewals, "started_on"]
    )
    model = ContractChurn.fit(shuffled, type(history)(origin, history.purchases, contracts), CHURN)
    assert model is not None
    soon = exposure.filter((pl.col("as_of_date") == origin) & pl.col("has_open_renewal"))
    lost = (soon["event"] == "lost").fill_null(False).cast(pl.Float64).to_numpy()
    seen = model.contract_chances(soon, [180])["lost_within_180d"].to_numpy()
    assert 0.3 < roc_auc(lost, seen) < 0.7
    real = ContractChurn.fit(training, history, CHURN)
    assert real is not None
    knows = real.contract_chances(soon, [180])["lost_within_180d"].to_numpy()
    assert roc_auc(lost, knows) > 0.7


@pytest.mark.parametrize("name", MODELS)
def test_a_stored_model_says_the_same(learnt: Learnt, name: str) -> None:
    score = MODELS[name][1]
    first = score(learnt.con, AS_OF, learnt.folder, learnt.registry).rows
    assert score(learnt.con, AS_OF, learnt.folder, learnt.registry).rows.equals(first)


def test_a_training_done_again_gives_the_same_files(learnt: Learnt, tmp_path: Path) -> None:
    for name in ("ltv", "segment"):
        learn(learnt.con, AS_OF, tmp_path, SEED, MODELS[name][0], empty_registry())
        version = learnt.version(name)
        files = sorted(p.name for p in (learnt.folder / name / version).glob("*.json"))
        assert files
        for file in files:
            one, other = (base / name / version / file for base in (learnt.folder, tmp_path))
            assert one.read_bytes() == other.read_bytes()


def test_without_a_champion_the_tables_say_so(learnt: Learnt, tmp_path: Path) -> None:
    endings = {"churn_score": "base rate", "ltv": "base rate", "segment": "rules only"}
    for name, (_, score) in MODELS.items():
        scored = score(learnt.con, AS_OF, tmp_path, empty_registry())
        assert scored.version is None
        assert set(scored.rows["data_sufficiency"]) == {f"not_trained: {endings[name]}"}
        assert scored.rows.height > 100


def test_a_company_without_deals_gets_empty_tables(tmp_path: Path) -> None:
    with connect_with_rules({}) as con:
        registry = empty_registry()
        for name, (procedure, score) in MODELS.items():
            evaluated, registry = learn(con, AS_OF, tmp_path, SEED, procedure, registry)
            assert evaluated.metrics["verdict"] == "insufficient_history"
            assert score(con, AS_OF, tmp_path, registry).rows.is_empty(), name


def test_the_interval_of_churn_holds_the_probability(learnt: Learnt) -> None:
    model = load_churn(learnt.folder / "churn_score" / learnt.version("churn_score"))
    low, high = model.interval(np.linspace(0.01, 0.9, 30))
    assert (low <= np.linspace(0.01, 0.9, 30)).all()
    assert (high >= np.linspace(0.01, 0.9, 30)).all()
    stored = read_candidate(learnt.folder, "churn_score", learnt.version("churn_score"))
    assert stored is not None
    assert stored.held_out[LATER_CUSTOMERS]["origin_date"].n_unique() >= 2


def test_a_company_that_records_no_renewals_is_judged_by_silence(
    learnt: Learnt, tmp_path: Path
) -> None:
    tables = learnt.company.tables
    sold = tables["fct_opportunity"].with_columns(opportunity_type=pl.lit("new"))
    with connect_with_rules(tables | {"fct_opportunity": sold}) as con:
        procedure = ChurnProcedure(CHURN)
        evaluated, registry = learn(con, AS_OF, tmp_path, SEED, procedure, empty_registry())
        stored = read_candidate(tmp_path, "churn_score", evaluated.version)
        assert stored is not None
        assert stored.facts["facts"]["definition"] == "nothing is bought"
        later = stored.held_out[LATER_CUSTOMERS]
        assert later["probability"].is_between(0, 1).all()
        speaks = registry.with_columns(promotion_decision=pl.lit("promoted"))
        rows = score_churn(con, AS_OF, tmp_path, speaks).rows
        values = score_values(con, AS_OF, tmp_path, registry).rows
    assert set(rows["definition"]) == {"nothing is bought within 180 days"}
    assert rows["churn_within_90d"].to_numpy() == pytest.approx(
        np.maximum(rows["churn_within_90d"].to_numpy(), rows["churn_probability"].to_numpy())
    )
    factor = json.loads(rows.sort("churn_probability")["top_factors"][-1])[0]
    assert factor["direction"] == "raises"
    assert values.height == rows.height


def deleted(tables: Tables) -> Tables:
    """Everything recorded later is gone."""
    return tables | {
        name: tables[name].filter(pl.col("recorded_at") < END)
        for name in ("fct_opportunity_event", "fct_activity")
    }


def altered(tables: Tables) -> Tables:
    """Everything recorded later says something else; so do columns that say how things are."""
    later = pl.col("recorded_at") >= END
    swapped = pl.col("new_value").replace(
        {"Closed Won": "Closed Lost", "Closed Lost": "Closed Won", "Proposal": "Negotiation"}
    )
    return tables | {
        "fct_opportunity_event": tables["fct_opportunity_event"].with_columns(
            new_value=pl.when(later).then(swapped).otherwise("new_value")
        ),
        "fct_activity": tables["fct_activity"].with_columns(
            direction=pl.when(later).then(pl.lit("inbound")).otherwise("direction")
        ),
        "fct_opportunity": tables["fct_opportunity"].with_columns(
            stage=pl.lit("Closed Won"), is_open=pl.lit(False)
        ),
    }


def added(tables: Tables) -> Tables:
    """More is recorded later about earlier days."""
    late, before = END + timedelta(days=3), END - timedelta(days=9)
    events = tables["fct_opportunity_event"]
    stages = events.filter(pl.col("field") == "stage").unique("opportunity_id", maintain_order=True)
    accounts = tables["dim_account"]
    return tables | {
        "fct_opportunity_event": pl.concat(
            [
                events,
                stages.with_columns(
                    change_id=pl.format("late-{}", "change_id"), new_value=pl.lit("Closed Won"),
                    changed_at=pl.lit(before), recorded_at=pl.lit(late),
                ),
            ]
        ),
        "fct_activity": pl.concat(
            [
                tables["fct_activity"],
                tables["fct_activity"].head(2_000).with_columns(
                    activity_id=pl.format("late-{}", "activity_id"),
                    occurred_at=pl.lit(before), recorded_at=pl.lit(late),
                ),
            ]
        ),
        "dim_account": pl.concat(
            [
                accounts.with_columns(valid_to=pl.lit(late)),
                accounts.with_columns(
                    segment=pl.lit("Huge"), is_deleted=pl.lit(True), valid_from=pl.lit(late)
                ),
            ]
        ),
    }  # fmt: skip


def said(tables: Tables, folder: Path, registry: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """All that trainings read and all that is said on the evening."""
    frames: dict[str, pl.DataFrame] = {}
    spoken = registry.with_columns(trained_as_of=pl.lit(EVENING))
    with connect_with_rules(tables) as con:
        for name, (procedure, score) in MODELS.items():
            for part, frame in procedure.sample(con, EVENING).frames.items():
                frames[f"{name} reads {part}"] = frame
            scored = score(con, EVENING, folder, spoken)
            assert scored.version is not None
            frames[f"{name} says"] = scored.rows
    return frames


@pytest.fixture(scope="module")
def original(learnt: Learnt) -> dict[str, pl.DataFrame]:
    return said(learnt.company.tables, learnt.folder, learnt.registry)


@pytest.mark.parametrize("mutation", [deleted, altered, added])
def test_what_is_recorded_later_changes_no_training_and_no_prediction(
    learnt: Learnt, original: dict[str, pl.DataFrame], mutation: Callable[[Tables], Tables]
) -> None:
    again = said(mutation(learnt.company.tables), learnt.folder, learnt.registry)
    assert {name for name in original if not original[name].equals(again[name])} == set()


def test_the_mutations_do_change_later_days(
    learnt: Learnt, original: dict[str, pl.DataFrame]
) -> None:
    assert all(frame.height > 50 for frame in original.values())
    now = account_deals(learnt.con, [AS_OF])
    for mutation in (deleted, altered, added):
        with connect_with_rules(mutation(learnt.company.tables)) as con:
            assert not account_deals(con, [AS_OF]).equals(now)


def test_values_of_a_horizon_grow_with_it_and_hold_their_expectation(learnt: Learnt) -> None:
    history = history_of(account_deals(learnt.con, [CLOCK]), CLOCK)
    for method in ("contract", "bg_nbd"):
        model = ValueModel.fit(history, ValueProcedure().settings, SEED, method)
        assert model is not None
        rows = model.predict(history)
        assert (rows["value_1095d"] >= rows["value_365d"] - 1e-6).all()
        assert (rows["value_365d_low"] <= rows["value_365d"]).all()
        assert (rows["value_365d"] <= rows["value_365d_high"]).all()
