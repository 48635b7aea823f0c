"""How soon an open deal is won: a hazard that knows the calendar.

The time after an evening is cut into pieces, and the number of wins in a piece (0 or 1) is modelled
as Poisson with the working time of the piece as exposure, by boosted trees over the deal's state on
the evening and the piece's place: how far ahead, how far from the end of the fiscal quarter, how
far from the close date. Deals that are lost stay at risk (a subdistribution hazard), so one minus
exp of minus the sum of hazards is the probability that the deal is won by then, and no second model
for losses is needed. The clock is the only reason for not knowing an outcome; pieces after it are
left out.

Source: Fine & Gray (1999), "A proportional hazards model for the subdistribution of a competing
risk"; Friedman (1982), "Piecewise exponential models for survival data with covariates".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from ml_assets.revenue.calendar import (
    LONGEST_LEAD,
    FiscalCalendar,
    Floats,
    Ints,
    Pieces,
    day_number,
    day_numbers,
    pieces_ahead,
    working_time,
)
from ml_assets.revenue.settings import HazardSettings

MODEL_FILE = "hazard.txt"
FACTS_FILE = "hazard.json"
NEVER = 10**7
MAX_BINS = 63
VOCABULARIES = {
    "forecast_category": ("omitted", "pipeline", "best_case", "commit"),
    "opportunity_type": ("new", "expansion", "renewal"),
    "segment": ("SMB", "Mid-Market", "Enterprise"),
}
NUMBERS = (
    "stage_order",
    "days_in_stage",
    "age_days",
    "days_since_any_change",
    "stage_move_count",
    "push_count",
)


def state_matrix(deals: pl.DataFrame) -> Floats:
    """The state features of deals, shape (n, 10); what is unknown is NaN."""
    amount = deals["amount"].cast(pl.Float64).to_numpy()
    columns = [deals[name].cast(pl.Float64).to_numpy() for name in NUMBERS]
    for name, values in VOCABULARIES.items():
        codes = deals[name].replace_strict(
            list(values), list(range(len(values))), default=None, return_dtype=pl.Float64
        )
        columns.append(codes.to_numpy())
    columns.append(np.log(np.where(amount > 0, amount, np.nan)))
    return np.column_stack(columns)


@dataclass(frozen=True)
class WinHazard:
    """A fitted hazard of winning.

    Attributes:
        booster: log hazard against the base.
        base: log of wins per unit of working time over all training pieces.
        fiscal: the fiscal quarters.
    """

    booster: lgb.Booster
    base: float
    fiscal: FiscalCalendar

    @classmethod
    def fit(
        cls,
        deals: pl.DataFrame,
        won_days: Ints,
        clock: date,
        fiscal: FiscalCalendar,
        settings: HazardSettings,
        seed: int,
    ) -> WinHazard:
        """Learn from evenings of open deals.

        Args:
            deals: one row per deal and evening (see `state_matrix`), with as_of_date, close_date.
            won_days: day on which each was next won, NEVER where it wasn't by the clock.
            clock: the evening up to which outcomes are known.
            fiscal: the quarters.
            settings: of the trees.
            seed: of the trees.

        Raises:
            ValueError: nothing was won.
        """
        evenings = day_numbers(deals["as_of_date"])
        pieces = pieces_ahead(evenings, day_number(clock) - evenings, fiscal)
        after = won_days[pieces.row] - evenings[pieces.row]
        at_risk = after > pieces.start
        pieces = Pieces(pieces.row[at_risk], pieces.start[at_risk], pieces.stop[at_risk])
        won = (after[at_risk] <= pieces.stop).astype(np.float64)
        if not won.any():
            raise ValueError(
                "None of the deals was won after the evenings to learn from; a hazard of winning "
                "needs wins. Give it a longer history."
            )
        exposure = _exposure(evenings, pieces)
        base = float(np.log(won.sum() / exposure.sum()))
        rows = _rows(state_matrix(deals), evenings, _close_days(deals), pieces, fiscal)
        data = lgb.Dataset(
            rows,
            won,
            init_score=np.log(exposure) + base,
            params={"max_bin": MAX_BINS, "verbose": -1},
        )
        booster = lgb.train(
            {
                "objective": "poisson",
                "learning_rate": settings.learning_rate,
                "num_leaves": settings.leaves,
                "min_data_in_leaf": settings.min_rows,
                "poisson_max_delta_step": 0.3,
                "lambda_l2": 1.0,
                "max_bin": MAX_BINS,
                "feature_fraction": 0.8,
                "num_threads": 1,
                "deterministic": True,
                "force_row_wise": True,
                "seed": seed,
                "verbose": -1,
            },
            data,
            settings.rounds,
        )
        return cls(booster, base, fiscal)

    def cumulative(self, deals: pl.DataFrame, horizons: Ints) -> Floats:
        """Sum of the hazard of winning up to each horizon.

        Args:
            deals: as in `fit`, shape (n,).
            horizons: days after each deal's evening, ascending along the columns, shape (n, h) or
                (h,); at most LONGEST_LEAD.

        Returns:
            Shape (n, h), not decreasing along the columns; 1 - exp(-it) is the probability.

        Raises:
            ValueError: a horizon is longer than the hazard was learnt for.
        """
        if horizons.size and horizons.max() > LONGEST_LEAD:
            raise ValueError(
                f"The hazard was learnt up to {LONGEST_LEAD} days ahead, not {horizons.max()}."
            )
        evenings = day_numbers(deals["as_of_date"])
        wanted = np.broadcast_to(horizons, (len(evenings), horizons.shape[-1]))
        pieces = pieces_ahead(evenings, wanted.max(axis=1, initial=0), self.fiscal)
        rows = _rows(state_matrix(deals), evenings, _close_days(deals), pieces, self.fiscal)
        log_hazard = np.asarray(
            self.booster.predict(rows, raw_score=True, num_threads=1) if len(rows) else [],
            dtype=np.float64,
        )
        rate = np.exp(log_hazard + self.base)
        total = np.zeros(wanted.shape)
        for column in range(wanted.shape[1]):
            stop = np.minimum(pieces.stop, wanted[pieces.row, column])
            inside = stop > pieces.start
            part = Pieces(pieces.row[inside], pieces.start[inside], stop[inside])
            total[:, column] = np.bincount(
                part.row, rate[inside] * _exposure(evenings, part), minlength=len(evenings)
            )
        return total

    def save(self, folder: Path) -> None:
        """Write the hazard as text files."""
        self.booster.save_model(folder / MODEL_FILE)
        facts = {
            "base": self.base,
            "starts": self.fiscal.starts.tolist(),
            "ends": self.fiscal.ends.tolist(),
        }
        (folder / FACTS_FILE).write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> WinHazard:
        """Read what `save` wrote."""
        facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        fiscal = FiscalCalendar(
            np.array(facts["starts"], dtype=np.int64), np.array(facts["ends"], dtype=np.int64)
        )
        return cls(lgb.Booster(model_file=folder / MODEL_FILE), float(facts["base"]), fiscal)


def next_win_days(deals: pl.DataFrame, wins: pl.DataFrame) -> Ints:
    """Day on which each deal was first won after its evening; NEVER if it wasn't.

    Args:
        deals: opportunity_id, as_of_date.
        wins: opportunity_id, closed_date of wins that were known.
    """
    found = (
        deals.select("opportunity_id", "as_of_date")
        .with_row_index("row")
        .join(wins.select("opportunity_id", "closed_date"), on="opportunity_id", how="inner")
        .filter(pl.col("closed_date") > pl.col("as_of_date"))
        .group_by("row")
        .agg(pl.col("closed_date").min())
    )
    days = np.full(deals.height, NEVER, dtype=np.int64)
    days[found["row"].to_numpy()] = day_numbers(found["closed_date"])
    return days


def _exposure(evenings: Ints, pieces: Pieces) -> Floats:
    base = evenings[pieces.row] + 1
    return working_time(base + pieces.stop) - working_time(base + pieces.start)


def _close_days(deals: pl.DataFrame) -> Floats:
    return deals["close_date"].cast(pl.Int64).cast(pl.Float64).to_numpy()


def _rows(
    state: Floats, evenings: Ints, close_days: Floats, pieces: Pieces, fiscal: FiscalCalendar
) -> Floats:
    """State features and, for each piece, the window features."""
    evening, close = evenings[pieces.row], close_days[pieces.row]
    lead = (pieces.start + pieces.stop + 1) / 2
    middle = evening + lead
    quarter_end = fiscal.end_on_or_after(evening + pieces.stop)
    known_close = np.where(np.isnan(close), 0, close)
    close_quarter_end = fiscal.end_on_or_after(known_close)
    return np.column_stack(
        [
            state[pieces.row],
            lead,
            quarter_end - middle,
            close - middle,
            close - evening,
            np.where(np.isnan(close), np.nan, close_quarter_end - close),
        ]
    )
