from __future__ import annotations

from datetime import date
from xml.etree import ElementTree

import numpy as np
import polars as pl

from ml_assets.evaluation import (
    Plot,
    calibration_plot,
    forecast_plot,
    lift_by_decile,
    lift_plot,
    reliability_table,
)


def drawn() -> list[Plot]:
    rng = np.random.default_rng(1)
    probability = rng.random(500)
    outcome = (rng.random(500) < probability).astype(float)
    forecast = pl.DataFrame(
        {
            "origin": [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)],
            "forecast": [10.0, 12.0, 11.0],
            "actual": [9.0, 13.0, None],
            "low_80": [8.0, 9.0, 9.0],
            "high_80": [12.0, 14.0, 13.0],
            "seasonal_naive": [11.0, 10.0, 12.0],
        }
    )
    return [
        calibration_plot(reliability_table(outcome, probability)),
        lift_plot(lift_by_decile(outcome, probability)),
        forecast_plot(forecast, unit="USD", baselines=["seasonal_naive"]),
    ]


def test_equal_figures_give_equal_pictures() -> None:
    assert drawn() == drawn()


def test_pictures_are_svg_with_their_title_and_legend() -> None:
    for plot in drawn():
        root = ElementTree.fromstring(plot.svg)
        assert root.tag.endswith("svg")
        assert plot.title in "".join(root.itertext())
    assert "seasonal naive" in drawn()[2].svg
    assert "80 % interval" in drawn()[2].svg


def test_a_model_that_was_judged_on_nothing_has_empty_pictures() -> None:
    nothing = np.zeros(0)
    assert "<svg" in calibration_plot(reliability_table(nothing, nothing)).svg
    assert "<svg" in lift_plot(lift_by_decile(nothing, nothing)).svg
