"""What the backtest is worth: metrics beside the baselines, and whether the model may speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ml_assets.evaluation import (
    Plot,
    bias,
    forecast_plot,
    interval_coverage,
    interval_width,
    mase,
    pinball_loss,
    wape,
)
from ml_assets.registry.promotion import Decision
from ml_assets.registry.tables import BACKTEST_SCHEMA
from ml_assets.revenue.backtest import QUANTILE_COLUMNS
from ml_assets.revenue.baselines import BASELINES, OF_WHAT_IS_LEFT
from ml_assets.revenue.calendar import Floats
from ml_assets.revenue.settings import FISCAL_QUARTER, NODE_TYPES, QUANTILES, RevenueSettings

INTERVALS = {50: ("q0250", "q0750"), 80: ("q0100", "q0900"), 95: ("q0025", "q0975")}
NOMINAL = "nominal"
MONTHS_IN_QUARTER = 3
TOO_GOOD = 0.25
COMPANY = "company"
LONGEST = "90"
MILLION = 1_000_000
CENT = 0.01


def quantile_loss(actual: Floats, quantiles: Floats) -> float:
    """Mean pinball loss over QUANTILES, shape (n,) and (n, quantiles)."""
    losses = [
        pinball_loss(actual, quantiles[:, place], level) for place, level in enumerate(QUANTILES)
    ]
    return float(np.mean(losses))


@dataclass(frozen=True)
class Beside:
    """The model and a baseline on the rows for which the baseline has a figure.

    Attributes:
        baseline: its name.
        origins: how many origins are compared.
        wape: of model and baseline.
        pinball: of model and baseline; the baseline's figure stands for all its quantiles.
    """

    baseline: str
    origins: int
    wape: tuple[float, float]
    pinball: tuple[float, float]

    @property
    def is_beaten(self) -> bool:
        """Whether the model is better on both."""
        return self.wape[0] < self.wape[1] and self.pinball[0] < self.pinball[1]

    @property
    def gain(self) -> float:
        """Share of the baseline's WAPE that is gone."""
        return 1 - self.wape[0] / self.wape[1] if self.wape[1] > 0 else 0.0


def beside(rows: pl.DataFrame, baseline: str) -> Beside | None:
    """Compare on the rows for which a baseline has a figure; None without any."""
    known = rows.filter(pl.col(baseline).is_not_null())
    if known.is_empty():
        return None
    actual = known["actual"].to_numpy()
    other = known[baseline].to_numpy()
    quantiles = known.select(QUANTILE_COLUMNS).to_numpy()
    return Beside(
        baseline,
        known["origin_date"].n_unique(),
        (wape(actual, known["mean"].to_numpy()), wape(actual, other)),
        (
            quantile_loss(actual, quantiles),
            quantile_loss(actual, np.repeat(other[:, None], len(QUANTILES), axis=1)),
        ),
    )


def decide(rows: pl.DataFrame, misses: pl.DataFrame, settings: RevenueSettings) -> Decision:
    """Whether the model may speak for the company's revenue.

    It has to be better, on WAPE and on pinball loss, than every baseline that has figures for
    enough origins: over the 90 days, over all windows of days together, and over the fiscal
    quarter. A model whose
    misses are far smaller than chance alone makes them has seen the outcome.

    Args:
        rows: judged rows of the backtest.
        misses: origin_date, log_ratio and chance of the company's windows, judged origins.
        settings: how many origins are enough.
    """
    company = rows.filter(pl.col("node_type") == COMPANY)
    origins = company["origin_date"].n_unique()
    if origins < settings.min_origins:
        return Decision(
            "insufficient_history",
            f"Not promoted: {origins} earlier evenings can be judged, and {settings.min_origins} "
            "are needed.",
        )
    missed = float(np.sqrt(np.mean(misses["log_ratio"].to_numpy() ** 2)))
    by_chance = float(np.sqrt(np.mean(misses["chance"].to_numpy())))
    if missed < TOO_GOOD * by_chance:
        return Decision(
            "leak_suspected",
            f"Not promoted: it misses by {missed:.1%}, and chance alone makes {by_chance:.1%}. "
            "Something that is read knows the outcome; look for it before using the model.",
        )
    parts = {
        "the 90 days": company.filter(pl.col("horizon") == LONGEST),
        "the windows of days": company.filter(pl.col("horizon") != FISCAL_QUARTER),
        "the fiscal quarter": company.filter(pl.col("horizon") == FISCAL_QUARTER),
    }
    gains: list[str] = []
    for part, part_rows in parts.items():
        compared = [found for name in BASELINES if (found := beside(part_rows, name)) is not None]
        enough = [found for found in compared if found.origins >= settings.min_origins]
        for found in enough:
            if not found.is_beaten:
                return Decision(
                    "no_signal",
                    f"Not promoted: over {found.origins} origins and {part}, WAPE is "
                    f"{found.wape[0]:.1%} against {found.wape[1]:.1%} of the "
                    f"{found.baseline.replace('_', ' ')}, pinball loss {found.pinball[0]:,.0f} "
                    f"against {found.pinball[1]:,.0f}.",
                )
        if not enough:
            return Decision(
                "insufficient_history",
                f"Not promoted: no baseline has figures for {settings.min_origins} origins and "
                f"{part}.",
            )
        best = min(enough, key=lambda found: found.wape[1])
        gains.append(
            f"for {part} WAPE {best.wape[0]:.1%} against {best.wape[1]:.1%} of the best baseline "
            f"({best.baseline.replace('_', ' ')})"
        )
    return Decision("promoted", f"Promoted: over {origins} origins, {'; '.join(gains)}.")


def best_baseline(rows: pl.DataFrame) -> str:
    """The baseline with the smallest WAPE of the company over the windows of days."""
    company = rows.filter((pl.col("node_type") == COMPANY) & (pl.col("horizon") != FISCAL_QUARTER))
    found = [result for name in OF_WHAT_IS_LEFT if (result := beside(company, name)) is not None]
    most = max((result.origins for result in found), default=0)
    full = [result for result in found if result.origins == most]
    return min(full, key=lambda result: result.wape[1]).baseline if full else "weighted_pipeline"


def baseline_spread(rows: pl.DataFrame, baseline: str) -> dict[str, dict[str, list[float]]]:
    """Quantiles of actual over forecast of what was left, by node type and window."""
    spread: dict[str, dict[str, list[float]]] = {}
    left = rows.filter(pl.col(baseline) > pl.col("already_won")).with_columns(
        ratio=(pl.col("actual") - pl.col("already_won")).clip(0)
        / (pl.col(baseline) - pl.col("already_won"))
    )
    for (node_type, horizon), part in left.sort("node_type", "horizon").group_by(
        "node_type", "horizon", maintain_order=True
    ):
        drawn = np.quantile(part["ratio"].to_numpy(), QUANTILES)
        spread.setdefault(str(node_type), {})[str(horizon)] = drawn.round(6).tolist()
    return spread


def backtest_rows(rows: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Rows of ml_backtest.

    Metrics are named `<metric>.<node type>` and pooled over the judged origins, with the latest of
    them as origin_date; `error_rate.company` has a row per origin. horizon_days 0 is the running
    fiscal quarter. Coverage is held against the nominal one, and measured in three ways:
    `coverage_<level>` is the share of outcomes within the interval, which is too large where the
    interval begins with what is won already, for nothing can come below that;
    `coverage_<level>_above_won` is that of the other intervals; `coverage_<level>_by_lot` is the
    share of positions within the level, which is nominal for any forecast that is right.

    Args:
        rows: judged rows of the backtest.
        history: the company's revenue of windows before the first judged origin (horizon,
            origin_date, amount), for MASE.
    """
    result: list[dict[str, object]] = []
    latest = rows["origin_date"].max()
    for (horizon, node_type), part in rows.sort("horizon", "node_type").group_by(
        "horizon", "node_type", maintain_order=True
    ):
        days = 0 if horizon == FISCAL_QUARTER else int(str(horizon))
        for name in BASELINES:
            known = part.filter(pl.col(name).is_not_null())
            if known.is_empty():
                continue
            measured = _measures(known, "mean")
            other = _measures(known, name)
            if node_type == COMPANY:
                before = _before(history, str(horizon))
                for values, column in ((measured, "mean"), (other, name)):
                    values["mase"] = mase(
                        known["actual"].to_numpy(),
                        known[column].to_numpy(),
                        before,
                        MONTHS_IN_QUARTER,
                    )
            result += [
                _row(latest, days, f"{metric}.{node_type}", name, value, other[metric], known)
                for metric, value in measured.items()
            ]
            if node_type == COMPANY:
                result += _error_rates(known, name, days)
        result += _interval_rows(with_something_to_come(part), latest, days, str(node_type))
    return pl.DataFrame(result, schema=BACKTEST_SCHEMA).select(BACKTEST_SCHEMA.keys())


def with_something_to_come(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose interval can fail: more was expected, or came, than was won already."""
    return rows.filter(
        (pl.col("mean") > pl.col("already_won")) | (pl.col("actual") > pl.col("already_won"))
    )


def _interval_rows(
    rows: pl.DataFrame, latest: object, days: int, node_type: str
) -> list[dict[str, object]]:
    """Coverage and width of the intervals of a node type in a window."""
    found: list[dict[str, object]] = []
    mean_actual = max(float(np.abs(rows["actual"].to_numpy()).mean()), 1.0) if rows.height else 1.0
    for level, (low, high) in INTERVALS.items():
        covered, above_won, by_lot = (
            coverage.get(str(level), float("nan")) for coverage in _coverages(rows)
        )
        measured = {
            "coverage_{level}": (covered, rows),
            "coverage_{level}_above_won": (above_won, _beginning_above_won(rows, low)),
            "coverage_{level}_by_lot": (by_lot, rows),
        }
        found += [
            _row(
                latest,
                days,
                f"{name.format(level=level)}.{node_type}",
                NOMINAL,
                value,
                level / 100,
                counted,
            )
            for name, (value, counted) in measured.items()
        ]
        width = interval_width(rows[low].to_numpy(), rows[high].to_numpy()) / mean_actual
        found.append(_row(latest, days, f"width_{level}.{node_type}", NOMINAL, width, None, rows))
    return found


def _row(
    origin: object,
    days: int,
    metric: str,
    baseline: str,
    value: float,
    baseline_value: float | None,
    rows: pl.DataFrame,
) -> dict[str, object]:
    def known(figure: float | None) -> float | None:
        return None if figure is None or np.isnan(figure) else figure

    return {
        "origin_date": origin,
        "horizon_days": days,
        "metric": metric,
        "baseline": baseline,
        "value": known(value),
        "baseline_value": known(baseline_value),
        "row_count": rows.height,
    }


def _measures(rows: pl.DataFrame, column: str) -> dict[str, float]:
    actual, forecast = rows["actual"].to_numpy(), rows[column].to_numpy()
    if column == "mean":
        quantiles = rows.select(QUANTILE_COLUMNS).to_numpy()
    else:
        quantiles = np.repeat(forecast[:, None], len(QUANTILES), axis=1)
    return {
        "wape": wape(actual, forecast),
        "bias": bias(actual, forecast),
        "pinball": quantile_loss(actual, quantiles),
    }


def _before(history: pl.DataFrame, horizon: str) -> Floats:
    return (
        history.filter(pl.col("horizon") == horizon)
        .sort("origin_date")["amount"]
        .cast(pl.Float64)
        .to_numpy()
    )


def _error_rates(rows: pl.DataFrame, baseline: str, days: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for row in rows.sort("origin_date").iter_rows(named=True):
        actual = row["actual"]
        if actual > 0:
            found.append(
                {
                    "origin_date": row["origin_date"],
                    "horizon_days": days,
                    "metric": f"error_rate.{COMPANY}",
                    "baseline": baseline,
                    "value": abs(row["mean"] - actual) / actual,
                    "baseline_value": abs(row[baseline] - actual) / actual,
                    "row_count": 1,
                }
            )
    return found


def summary(rows: pl.DataFrame) -> dict[str, object]:
    """Figures for the registry: WAPE beside the best baseline, bias and coverage."""
    figures: dict[str, object] = {}
    for node_type in NODE_TYPES:
        for horizon in rows["horizon"].unique().sort():
            part = rows.filter((pl.col("node_type") == node_type) & (pl.col("horizon") == horizon))
            if part.is_empty():
                continue
            compared = [result for name in BASELINES if (result := beside(part, name)) is not None]
            origins = part["origin_date"].n_unique()
            full = [result for result in compared if result.origins == origins]
            covered, above_won, by_lot = _coverages(with_something_to_come(part))
            entry: dict[str, object] = {
                "origins": origins,
                "rows": part.height,
                **{
                    name: round(found, 6)
                    for name, found in _measures(part, "mean").items()
                    if name != "pinball" and not np.isnan(found)
                },
                "coverage": _rounded(covered),
                "coverage_above_won": _rounded(above_won),
                "coverage_by_lot": _rounded(by_lot),
            }
            if full:
                best = min(full, key=lambda result: result.wape[1])
                entry |= {
                    "best_baseline": best.baseline,
                    "best_baseline_wape": round(best.wape[1], 6),
                    "gain": round(best.gain, 6),
                }
            figures[f"{node_type}.{horizon}"] = entry
    return figures


def _beginning_above_won(rows: pl.DataFrame, low: str) -> pl.DataFrame:
    return rows.filter(pl.col(low) > pl.col("already_won") + CENT / 2)


def _coverages(
    rows: pl.DataFrame,
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Coverage by level: of all intervals, of those that begin above what is won, by lot."""
    covered: dict[str, float] = {}
    above_won: dict[str, float] = {}
    by_lot: dict[str, float] = {}
    for level, (low, high) in INTERVALS.items():
        outside = (1 - level / 100) / 2
        above = _beginning_above_won(rows, low)
        for coverage, part in ((covered, rows), (above_won, above)):
            if not part.is_empty():
                bounds = part[low].to_numpy(), part[high].to_numpy()
                coverage[str(level)] = interval_coverage(part["actual"].to_numpy(), *bounds)
        if not rows.is_empty():
            held = rows["position"].is_between(outside, 1 - outside)
            by_lot[str(level)] = float(held.to_numpy().mean())
    return covered, above_won, by_lot


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in figures.items()}


def plots(rows: pl.DataFrame) -> tuple[Plot, ...]:
    """Forecast against actual of the company, with bands, by window."""
    pictures: list[Plot] = []
    titles: Mapping[str, str] = {
        LONGEST: "Revenue of the 90 days after each evening",
        FISCAL_QUARTER: "Revenue of the fiscal quarter, forecast on evenings in it",
    }
    for horizon, title in titles.items():
        part = rows.filter((pl.col("node_type") == COMPANY) & (pl.col("horizon") == horizon)).sort(
            "origin_date"
        )
        if part.is_empty():
            continue
        shown = ["weighted_pipeline", "point_in_period", "previous_quarter"]
        amounts = ["actual", "mean", *QUANTILE_COLUMNS, *shown]
        frame = part.select(
            pl.col("origin_date").alias("origin"),
            *(pl.col(name) / MILLION for name in amounts),
        ).rename(
            {"mean": "forecast"}
            | {low: f"low_{level}" for level, (low, _) in INTERVALS.items()}
            | {high: f"high_{level}" for level, (_, high) in INTERVALS.items()}
        )
        known = [name for name in shown if frame[name].null_count() < frame.height]
        pictures.append(
            forecast_plot(
                frame,
                name=f"forecast_{horizon}",
                title=title,
                unit="won revenue, million",
                baselines=known,
            )
        )
    return tuple(pictures)
