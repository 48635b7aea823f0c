"""What is expected of the revenue forecast."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import LAYER, TRAIN, speakers
from expectations.suites import TableSuite, in_set, no_rows, not_null, unique

KEY = ("origin_date", "horizon", "node_type", "node_id", "quantile")
ENOUGH_ORIGINS = 8
"""Earlier evenings without which a comparison with a baseline says little."""

QUANTILES = ("0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975")
AGAIN = "Forecast again after core was built; if it stays, look at the engine's simulation."


def suites(as_of: date) -> list[TableSuite]:
    """Suites of ml_revenue_forecast for an evening."""
    return [_forecast(as_of), _quarter(as_of), _backtest()]


def _rows(as_of: date) -> str:
    return (
        f"select * from ml.ml_revenue_forecast where as_of_date = date '{as_of}' "
        "and not is_backtest"
    )


def _forecast(as_of: date) -> TableSuite:
    """The forecast of the evening; those of other evenings were judged on theirs."""
    return TableSuite(
        LAYER,
        "ml_revenue_forecast",
        _rows(as_of),
        (
            unique(KEY, "Forecast each window of a node once an evening."),
            *(not_null(name, TRAIN) for name in ("amount", "model_version", "data_sufficiency")),
            in_set("quantile", ("mean", *QUANTILES), "Name quantiles as the table's columns say."),
            in_set("horizon", ("30", "60", "90", "fiscal_quarter"), "Name the window."),
            no_rows(
                "made_on_the_evening",
                "select * from {batch} where origin_date <> as_of_date "
                "or horizon_end_date < origin_date",
                columns=("origin_date", "horizon_end_date"),
                says="the evening's forecast is made from the evening",
                fix=AGAIN,
            ),
            no_rows(
                "parts_add_up",
                "select * from {batch} where amount is distinct from "
                "already_won_amount + open_pipeline_amount + new_business_amount "
                "or least(already_won_amount, open_pipeline_amount, new_business_amount) < 0",
                columns=("amount", "already_won_amount", "open_pipeline_amount"),
                says="won, open and new business are not negative and add up to the amount",
                fix=AGAIN,
            ),
            no_rows(
                "children_add_up",
                "select children.horizon, children.node_type from {batch} as children "
                "inner join {batch} as company on children.horizon = company.horizon "
                "and company.quantile = 'mean' and company.node_type = 'company' "
                "where children.quantile = 'mean' group by children.horizon, children.node_type "
                "having sum(children.amount) <> max(company.amount)",
                columns=("horizon", "node_type"),
                says="means of regions, teams and reps add up to the company's, to the cent",
                fix="Look for people who count for no node, or for two, in core.bridge_user_node.",
            ),
            no_rows(
                "quantiles_do_not_cross",
                "select lower_row.* from {batch} as lower_row inner join {batch} as upper_row "
                "using (horizon, node_type, node_id) where lower_row.quantile <> 'mean' "
                "and upper_row.quantile <> 'mean' "
                "and try_cast(lower_row.quantile as double) "
                "< try_cast(upper_row.quantile as double) and lower_row.amount > upper_row.amount",
                columns=("node_type", "node_id", "quantile", "amount"),
                says="a higher quantile is not below a lower one",
                fix=AGAIN,
            ),
            no_rows(
                "longer_brings_more",
                "select longer.* from {batch} as shorter inner join {batch} as longer "
                "using (node_type, node_id, quantile) where quantile = 'mean' "
                "and longer.data_sufficiency = 'model' and shorter.horizon <> 'fiscal_quarter' "
                "and longer.horizon <> 'fiscal_quarter' "
                "and shorter.horizon_days < longer.horizon_days and shorter.amount > longer.amount",
                columns=("horizon", "node_type", "node_id", "amount"),
                says="a longer window is not expected to bring less",
                fix=AGAIN,
            ),
            *speakers(),
        ),
    )


def _quarter(as_of: date) -> TableSuite:
    """What is locked in is what core has booked, worked out from the facts alone."""
    return TableSuite(
        LAYER,
        "ml_revenue_forecast",
        f"{_rows(as_of)} and horizon = 'fiscal_quarter' and node_type = 'company' "
        "and quantile = 'mean'",
        (
            no_rows(
                "already_won_is_booked",
                "select already_won_amount, horizon_end_date from {batch} "
                "where already_won_amount is distinct from coalesce(("
                "select sum(deals.amount) from core.fct_opportunity as deals "
                "where deals.is_won and deals.close_date between horizon_start_date "
                f"and least(horizon_end_date, date '{as_of}')), 0)",
                columns=("already_won_amount",),
                says="what is won already in the quarter equals the bookings of core, to the cent",
                fix="Forecast again after core was built.",
            ),
            no_rows(
                "quarter_is_the_running_one",
                f"select * from {{batch}} where date '{as_of}' not between horizon_start_date "
                "and horizon_end_date",
                columns=("horizon_start_date", "horizon_end_date"),
                says="the fiscal quarter is the one that the evening is in",
                fix="Build core.dim_date as of the evening, and forecast again.",
            ),
        ),
    )


def _backtest() -> TableSuite:
    """What champions of the forecast were judged by."""
    return TableSuite(
        LAYER,
        "ml_backtest",
        "select backtest.* from ml.ml_backtest as backtest "
        "inner join ml.ml_model_registry as registry using (model_version) "
        "where registry.is_champion and registry.model_name = 'revenue_forecast'",
        (
            no_rows(
                "forecast_beats_baselines",
                "select * from {batch} where metric in ('wape.company', 'pinball.company') "
                f"and horizon_days = 90 and row_count >= {ENOUGH_ORIGINS} "
                "and coalesce(value >= baseline_value, true)",
                columns=("metric", "baseline", "value"),
                says="the forecast of 90 days has a lower WAPE and pinball loss than each baseline",
                fix="Do not promote the model: the best baseline or the former champion speaks.",
            ),
            no_rows(
                "bands_hold",
                "select * from {batch} "
                "where metric in ('coverage_80_by_lot.rep', 'coverage_95_by_lot.rep') "
                "and horizon_days > 0 and value < baseline_value - 0.1",
                columns=("metric", "horizon_days", "value"),
                says="the bands of reps held about as often as they should, in the backtest",
                fix="Look at ml_assets/revenue/intervals.py: the bands are too narrow.",
                severity="warning",
            ),
        ),
    )
