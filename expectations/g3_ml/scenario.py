"""What is expected of the scenarios of the revenue forecast."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import LAYER
from expectations.suites import TableSuite, no_rows, unique

KEY = ("scenario", "horizon", "node_type", "node_id", "metric")
_AGAIN = "Play the scenarios again after the forecast was made."


def suites(as_of: date) -> list[TableSuite]:
    """The scenarios of the evening."""
    forecast = (
        "select horizon, node_type, node_id, amount from ml.ml_revenue_forecast "
        f"where as_of_date = date '{as_of}' and not is_backtest and quantile = 'mean'"
    )
    return [
        TableSuite(
            LAYER,
            "ml_scenario",
            f"select * from ml.ml_scenario where as_of_date = date '{as_of}'",
            (
                unique(KEY, "Play each scenario once an evening."),
                no_rows(
                    "change_is_the_difference",
                    "select * from {batch} where change_amount is distinct from value - base_value "
                    "or value < 0",
                    columns=("value", "base_value", "change_amount"),
                    says="the change is value less base value, and nothing is below 0",
                    fix=_AGAIN,
                ),
                no_rows(
                    "base_is_the_forecast",
                    f"select * from {{batch}} as played left join ({forecast}) as forecast "
                    "using (horizon, node_type, node_id) where played.scenario = 'base' "
                    "and played.metric = 'revenue' and played.value is distinct from amount",
                    columns=("scenario", "value"),
                    says="the scenario without levers is the forecast, to the cent",
                    fix=_AGAIN,
                ),
                no_rows(
                    "scenario_adds_up",
                    "select scenario, horizon, metric from {batch} "
                    "where metric in ('revenue', 'open_pipeline', 'new_business') "
                    "group by scenario, horizon, metric having "
                    "sum(case when node_type = 'rep' then value else 0 end) <> "
                    "sum(case when node_type = 'company' then value else 0 end)",
                    columns=("value",),
                    says="in every scenario reps add up to the company, to the cent",
                    fix="Look for people who count for no node, or for two, in bridge_user_node.",
                ),
            ),
        )
    ]
