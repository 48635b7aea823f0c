"""An anomaly in words: the figures, what they were held against, and who drives the move."""

from __future__ import annotations

import json
from datetime import date

import polars as pl

from ml_assets.anomalies.kpis import KPIS

NODE = ["node_type", "node_id"]
LARGEST = 3
LABELS = {kpi.metric: kpi.label for kpi in KPIS}
FAMILIES = {kpi.metric: kpi.family for kpi in KPIS}
KINDS = {"account_segment": "account segment", "lead_source": "lead source"}


def contributors(tested: pl.DataFrame, everything: pl.DataFrame) -> pl.DataFrame:
    """Which nodes below an anomaly lie off in the same direction.

    A child's part of a count or an amount is its own deviation; of a share or a mean, its deviation
    times its cases. Its share is that of all children's deviations in the direction of the move.

    Args:
        tested: tests with is_anomaly and direction.
        everything: every node's figure and expectation, also of nodes too small to be tested.

    Returns:
        metric, node_type, node_id and `contributors`: JSON list of name, deviation and share, the
        largest three first. Only anomalies with children have a row.
    """
    weight = pl.when(pl.col("case_count").is_null()).then(1.0).otherwise(pl.col("case_count"))
    children = everything.with_columns(
        deviation=(pl.col("observed_value") - pl.col("expected_value")) * weight
    ).filter(pl.col("deviation").is_not_nan() & (pl.col("deviation") != 0))
    moved = tested.filter("is_anomaly").select("metric", *NODE, "direction")
    joined = (
        moved.join(
            children.select(
                "metric",
                "deviation",
                child="node_name",
                child_id="node_id",
                node_type="parent_type",
                node_id="parent_id",
                child_type="node_type",
            ),
            on=["metric", *NODE],
        )
        .filter(~pl.col("child_type").is_in(list(KINDS)))
        .filter((pl.col("deviation") > 0) == (pl.col("direction") == "up"))
        .with_columns(share=pl.col("deviation") / pl.col("deviation").sum().over("metric", *NODE))
        .sort("metric", *NODE, "share", "child_id", descending=[False, False, False, True, False])
    )
    rows = [
        (
            *key,
            json.dumps(
                [
                    {
                        "name": name,
                        "deviation": round(deviation, 4),
                        "share": round(share, 4),
                    }
                    for name, deviation, share in part.head(LARGEST)
                    .select("child", "deviation", "share")
                    .iter_rows()
                ],
                ensure_ascii=False,
            ),
        )
        for key, part in joined.group_by(["metric", *NODE], maintain_order=True)
    ]
    schema = dict.fromkeys(("metric", *NODE, "contributors"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def explanations(tested: pl.DataFrame, as_of: date) -> pl.Series:
    """A sentence or three for every anomaly, null for the rest."""
    return pl.Series(
        [
            _sentence(row, as_of) if row["is_anomaly"] else None
            for row in tested.iter_rows(named=True)
        ],
        dtype=pl.String,
    )


def _sentence(row: dict[str, object], as_of: date) -> str:
    metric = str(row["metric"])
    observed = _number(metric, row["observed_value"])
    expected = _number(metric, row["expected_value"])
    low, high = (_number(metric, row[name]) for name in ("expected_low", "expected_high"))
    kind = str(row["node_type"])
    who = "the company" if kind == "company" else f"{KINDS.get(kind, kind)} {row['node_name']}"
    text = (
        f"{LABELS[metric].capitalize()} of {who} in the {row['window_days']} days to {as_of}: "
        f"{observed}, {'above' if row['direction'] == 'up' else 'below'} the {expected} expected "
        f"from {int(_float(row['history_window_count']))} windows of its own history "
        f"(95 % interval {low} to {high})."
    )
    if row["expected_with_peers"] is not None:
        text += (
            f" With what {int(_float(row['peer_count']))} peers did in the same days, "
            f"{_number(metric, row['expected_with_peers'])} would be expected."
        )
    text += f" By chance as far off: {_chance(row['p_value'])}; q-value {_chance(row['q_value'])}."
    if isinstance(row["contributors"], str):
        named = ", ".join(
            f"{child['name']} ({100 * child['share']:.0f} %)"
            for child in json.loads(row["contributors"])
        )
        text += f" Driven by {named}."
    return text


def _float(value: object) -> float:
    return float(value)  # type: ignore[arg-type]


def _number(metric: str, value: object) -> str:
    number = _float(value)
    family = FAMILIES[metric]
    if family in ("share", "mean"):
        return f"{100 * number:.1f} %"
    whole = family == "amount" or number >= 10 or number == int(number)
    return f"{number:,.0f}" if whole else f"{number:,.1f}"


def _chance(value: object) -> str:
    number = _float(value)
    return "below 0.0001" if number < 0.0001 else f"{number:.4f}"
