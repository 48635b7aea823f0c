from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from ml_assets.evaluation import Plot
from ml_assets.registry import BACKTEST_SCHEMA, REGISTRY_SCHEMA, empty_backtest, empty_registry
from ml_assets.registry.store import store_evaluation
from orchestration.lib.model_cards import write_model_cards


def version(name: str, trained: date, decision: str, is_champion: bool) -> dict[str, object]:
    return {
        "model_version": name, "model_name": "lead_score", "trained_as_of": trained,
        "data_fingerprint": "f", "code_version": "c", "seed": 1, "parameters": "{}",
        "metrics": "{}", "feature_schema": "{}", "is_champion": is_champion,
        "promotion_decision": decision, "promotion_reason": f"{name} was <{decision}>",
    }  # fmt: skip


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    registry = pl.DataFrame(
        [
            version("lead_score-1", date(2026, 1, 4), "promoted", True),
            version("lead_score-2", date(2026, 1, 11), "refused", False),
        ],
        schema=REGISTRY_SCHEMA,
    )
    backtest = pl.DataFrame(
        [
            {"model_name": "lead_score", "model_version": "lead_score-1",
             "origin_date": date(2025, 10, 1), "horizon_days": 90, "metric": "roc_auc",
             "baseline": baseline, "value": 0.8125, "baseline_value": value, "row_count": 1234}
            for baseline, value in (("base_rate", 0.5), ("source_rate", 0.6789))
        ],
        schema=BACKTEST_SCHEMA,
    )  # fmt: skip
    con = duckdb.connect()
    con.execute("create schema ml")
    con.execute("create table ml.ml_model_registry as select * from registry")
    con.execute("create table ml.ml_backtest as select * from backtest")
    assert registry.height and backtest.height  # read by name above
    return con


def test_a_card_shows_the_champion_its_figures_and_its_plots(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    store_evaluation(
        tmp_path, "lead_score", "lead_score-1", registry_row=empty_registry(),
        backtest_rows=empty_backtest(), plots=(Plot("lift", "Lift", "<svg>1</svg>"),),
    )  # fmt: skip
    index = write_model_cards(con, tmp_path, tmp_path / "docs" / "models")
    assert "Lead score" in index.read_text(encoding="utf-8")
    card = (index.parent / "lead_score.html").read_text(encoding="utf-8")
    for shown in ("champion", "0.812", "0.679", "1,234", "lead_score-2", "&lt;refused&gt;"):
        assert shown in card
    assert '<img src="lead_score/lift.svg" alt="Lift">' in card
    assert (index.parent / "lead_score" / "lift.svg").read_text() == "<svg>1</svg>"


def test_cards_of_models_that_are_gone_go_too(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    write_model_cards(con, tmp_path, folder)
    con.execute("delete from ml.ml_model_registry")
    index = write_model_cards(con, tmp_path, folder)
    assert "No model has been trained yet" in index.read_text(encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == ["index.html"]
