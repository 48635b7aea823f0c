"""The evening's unusual moves: every KPI of every node that has history enough, judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.anomalies.explanations import contributors, explanations
from ml_assets.anomalies.false_discovery import q_values
from ml_assets.anomalies.judging import judge
from ml_assets.anomalies.kpis import KPIS, Kpi
from ml_assets.anomalies.series import Series, series_of

MODEL_VERSION = "local_level_1"
WEEKS = 132
MINIMUM_HISTORY_WEEKS = 20
MINIMUM_HISTORY_WINDOWS = 8
MINIMUM_EXPECTED_COUNT = 1.0
MINIMUM_CASES = 8.0
FALSE_DISCOVERY_RATE = 0.05
ALERT_SHARE = 0.2
SEVERITIES = ((0.001, "severe"), (0.01, "strong"), (FALSE_DISCOVERY_RATE, "moderate"))
NODE = ["node_type", "node_id"]

ANOMALY_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "as_of_date": pl.Date,
    "metric": pl.String,
    "node_type": pl.String,
    "node_id": pl.String,
    "node_name": pl.String,
    "model_version": pl.String,
    "window_start_date": pl.Date,
    "window_days": pl.Int64,
    "observed_value": pl.Float64,
    "expected_value": pl.Float64,
    "expected_low": pl.Float64,
    "expected_high": pl.Float64,
    "expected_with_peers": pl.Float64,
    "case_count": pl.Int64,
    "history_window_count": pl.Int64,
    "peer_count": pl.Int64,
    "p_value_own": pl.Float64,
    "p_value_peers": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "direction": pl.String,
    "severity": pl.String,
    "is_anomaly": pl.Boolean,
    "is_alert": pl.Boolean,
    "contributors": pl.String,
    "explanation": pl.String,
}


def detect_anomalies(con: DuckDBPyConnection, as_of: date) -> pl.DataFrame:
    """Judge the days up to an evening, for every KPI and node.

    A figure is held against the node's own history, and where it has peers also against its history
    times what those did in the same days: the larger p-value counts, so that what all did is
    nobody's anomaly. The false discovery rate is controlled over all tests of the evening.

    Args:
        con: connection on the warehouse (schema core).
        as_of: the evening; nothing recorded later is read.

    Returns:
        Columns of `ANOMALY_SCHEMA`, one row per KPI and node that can be judged, sorted by both.
        `contributors` (JSON, the nodes below that drive the move) and `explanation` are given for
        anomalies only. `is_alert` marks the anomalies worth a message: at least a fifth off, and
        the clearest one along the line from company to seller.
    """
    figures = _query(con, "weekly_kpis", as_of)
    nodes = with_segments(_query(con, "nodes", as_of), figures)
    calendar = _query(con, "calendar", as_of)
    return judged_figures(figures, nodes, calendar, as_of)


def judged_figures(
    figures: pl.DataFrame, nodes: pl.DataFrame, calendar: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """As `detect_anomalies`, from the frames that the three queries give.

    Args:
        figures: metric, node_type, node_id, week (0 = the one judged), numerator, denominator.
        nodes: node_type, node_id, node_name, peer_group, parent_type, parent_id, region.
        calendar: region, week, business_days, quarter_week, is_turn_of_year.
        as_of: the evening.
    """
    begun = figures.group_by(NODE).agg(first_week=pl.col("week").max())
    known = nodes.join(begun, on=NODE)
    by_metric = figures.partition_by("metric", as_dict=True)
    parts = [
        _judged(kpi, series_of(kpi, by_metric[(kpi.metric,)], known, calendar), as_of)
        for kpi in KPIS
        if (kpi.metric,) in by_metric
    ]
    if not parts:
        return pl.DataFrame(schema=ANOMALY_SCHEMA)
    everything = pl.concat(parts)
    tested = everything.filter(pl.col("is_tested"))
    tested = tested.with_columns(q_value=pl.Series(q_values(tested["p_value"].to_numpy())))
    tested = tested.with_columns(
        direction=pl.when(pl.col("observed_value") > pl.col("expected_value"))
        .then(pl.lit("up"))
        .otherwise(pl.lit("down")),
        is_anomaly=pl.col("q_value") <= FALSE_DISCOVERY_RATE,
        severity=_severity(),
    )
    tested = _with_alerts(tested)
    tested = tested.join(contributors(tested, everything), on=["metric", *NODE], how="left")
    tested = tested.with_columns(explanation=explanations(tested, as_of))
    return tested.select(pl.col(name).cast(dtype) for name, dtype in ANOMALY_SCHEMA.items()).sort(
        "metric", *NODE
    )


def _judged(kpi: Kpi, series: Series, as_of: date) -> pl.DataFrame:
    judged = judge(
        kpi.family, series.numerator, series.denominator, series.groups, kpi.window_weeks
    )
    cases = series.denominator[:, -1] if kpi.family in ("share", "mean") else None
    enough = judged.history >= max(
        MINIMUM_HISTORY_WEEKS // kpi.window_weeks, MINIMUM_HISTORY_WINDOWS
    )
    if cases is not None:
        enough &= cases >= MINIMUM_CASES
    elif kpi.family == "count":
        enough &= judged.expected >= MINIMUM_EXPECTED_COUNT
    p_value = np.fmax(judged.p_own, judged.p_peers)
    return series.nodes.with_columns(
        as_of_date=pl.lit(as_of),
        metric=pl.lit(kpi.metric),
        model_version=pl.lit(MODEL_VERSION),
        window_days=pl.lit(7 * kpi.window_weeks),
        window_start_date=pl.lit(as_of - timedelta(days=7 * kpi.window_weeks - 1)),
        observed_value=judged.observed,
        expected_value=judged.expected,
        expected_low=judged.low,
        expected_high=judged.high,
        expected_with_peers=pl.Series(
            np.where(np.isnan(judged.p_peers), np.nan, judged.expected_with_peers)
        ).fill_nan(None),
        case_count=pl.Series(cases, dtype=pl.Float64) if cases is not None else pl.lit(None),
        history_window_count=judged.history,
        peer_count=judged.peers,
        p_value_own=judged.p_own,
        p_value_peers=pl.Series(judged.p_peers).fill_nan(None),
        p_value=p_value,
        is_tested=pl.Series(enough & ~np.isnan(p_value)),
    ).with_columns(case_count=pl.col("case_count").cast(pl.Float64))


def _severity() -> pl.Expr:
    severity = pl.lit("none")
    for limit, name in reversed(SEVERITIES):
        severity = pl.when(pl.col("q_value") <= limit).then(pl.lit(name)).otherwise(severity)
    return severity


def _with_alerts(tested: pl.DataFrame) -> pl.DataFrame:
    """Mark the anomalies worth a message.

    Along a line from the company down to a seller the same move shows several times; the clearest
    one speaks (the smallest p-value, the higher node of equals).
    """
    parent = {
        (kind, node): (above, upper)
        for kind, node, above, upper in tested.select(*NODE, "parent_type", "parent_id").iter_rows()
    }
    strength = {
        (metric, direction, kind, node): p_value
        for metric, direction, kind, node, p_value in tested.filter("is_anomaly")
        .select("metric", "direction", *NODE, "p_value")
        .iter_rows()
    }
    silent: set[tuple[str, str, str, str]] = set()
    for (metric, direction, kind, node), p_value in strength.items():
        above = parent.get((kind, node))
        while above is not None and above[0] is not None:
            upper = strength.get((metric, direction, *above))
            if upper is not None:
                silent.add(
                    (metric, direction, kind, node)
                    if upper <= p_value
                    else (metric, direction, *above)
                )
            above = parent.get(above)
    said = pl.Series(
        [key not in silent for key in tested.select("metric", "direction", *NODE).iter_rows()],
        dtype=pl.Boolean,
    )
    off = (pl.col("observed_value") - pl.col("expected_value")).abs()
    return tested.with_columns(
        is_alert=pl.col("is_anomaly") & said & (off >= ALERT_SHARE * pl.col("expected_value").abs())
    )


def with_segments(nodes: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """Nodes, and the segments of accounts and sources of leads that figures are given for.

    Segments have no peers: they are too few, and differ in kind.
    """
    segments = (
        figures.filter(pl.col("node_type").is_in(["account_segment", "lead_source"]))
        .select(*NODE)
        .unique()
        .with_columns(
            node_name=pl.col("node_id"),
            peer_group=pl.lit(None, dtype=pl.String),
            parent_type=pl.lit("company"),
            parent_id=pl.lit("All"),
            region=pl.lit("All"),
        )
    )
    return pl.concat([nodes, segments.select(nodes.columns)]).sort(NODE)


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _query(con: DuckDBPyConnection, name: str, as_of: date) -> pl.DataFrame:
    parameters: dict[str, object] = {"as_of": as_of}
    if name != "nodes":
        parameters["weeks"] = WEEKS
    return con.execute(_text(name), parameters).pl()
