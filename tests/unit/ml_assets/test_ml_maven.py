"""On the Maven CRM sample, won and lost can't be told apart; the model has to notice that."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from maven_core import FOLDER, LAST_DAY, maven_tables
from synthetic_core import connect
from trained_company import train_opportunity_model

from ml_assets.opportunities import score_open_opportunities

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the Maven CRM sample is not beside the repository"
)


@pytest.mark.parametrize("as_of", [LAST_DAY, date(2017, 11, 19)])
def test_the_model_is_refused_for_want_of_signal(as_of: date, tmp_path: Path) -> None:
    with connect(maven_tables(as_of)) as con:
        result = train_opportunity_model(con, as_of, tmp_path)
        scores = score_open_opportunities(con, as_of, tmp_path, result.registry).rows
    assert not result.evaluated.is_promoted
    auc = result.evaluated.backtest_rows.filter(pl.col("metric") == "roc_auc")["value"][0]
    assert 0.45 < auc < 0.56
    assert set(scores["data_sufficiency"]) == {"no_signal: base rate"}
    if as_of == LAST_DAY:
        # 4,238 won and 2,473 lost, as counted in the file; 1,589 open deals have a start.
        assert scores["win_probability"].unique().to_list() == [4238 / (4238 + 2473)]
        assert scores.height == 1589
