"""What a deal will bring if it is won, from what its record says on an evening.

Amounts move until the close, more so in early stages. The mean of what was booked over what the
record had said, by stage, corrects the expectation; the spread of the single deals around it is
drawn from when paths are simulated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from ml_assets.revenue.calendar import LONGEST_LEAD, Floats, Ints

DRIFT_FILE = "amounts.json"
SPREAD_POINTS = 41
PRIOR_WINS = 20.0
LARGEST_RATIO = 5.0
ALL = "all"


@dataclass(frozen=True)
class AmountDrift:
    """What was booked against what the record had said.

    Attributes:
        ratios: by stage, booked amount over recorded amount, added up over deals.
        spreads: by stage, SPREAD_POINTS quantiles of the same deal by deal, scaled to mean 1.
        typical: by segment and type ("SMB/new", or "all"), mean booked amount: for a deal without
            an amount.
    """

    ratios: dict[str, float]
    spreads: dict[str, list[float]]
    typical: dict[str, float]

    @classmethod
    def fit(cls, deals: pl.DataFrame, wins: pl.DataFrame) -> AmountDrift:
        """Learn from evenings of open deals and the wins that followed.

        Args:
            deals: opportunity_id, as_of_date, stage, amount.
            wins: opportunity_id, closed_date, amount, segment, opportunity_type.
        """
        pairs = (
            deals.filter(pl.col("amount") > 0)
            .select("opportunity_id", "as_of_date", "stage", recorded="amount")
            .join(
                wins.select("opportunity_id", "closed_date", booked="amount"), on="opportunity_id"
            )
            .filter(
                (pl.col("closed_date") > pl.col("as_of_date"))
                & (pl.col("closed_date") <= pl.col("as_of_date") + timedelta(days=LONGEST_LEAD))
                & (pl.col("booked") > 0)
            )
            .with_columns(ratio=(pl.col("booked") / pl.col("recorded")).clip(0, LARGEST_RATIO))
        )
        ratios: dict[str, float] = {}
        spreads: dict[str, list[float]] = {}
        points = (np.arange(SPREAD_POINTS) + 0.5) / SPREAD_POINTS
        for (stage,), rows in pairs.group_by("stage", maintain_order=True):
            booked = float((rows["recorded"] * rows["ratio"]).sum())
            recorded = float(rows["recorded"].sum())
            prior = PRIOR_WINS * recorded / rows.height
            ratios[str(stage)] = (booked + prior) / (recorded + prior)
            drawn = np.quantile(rows["ratio"].to_numpy(), points)
            spreads[str(stage)] = (drawn / drawn.mean()).tolist()
        typical = {
            f"{segment}/{kind}": float(amount)
            for segment, kind, amount in wins.group_by("segment", "opportunity_type")
            .agg(pl.col("amount").mean())
            .sort("segment", "opportunity_type")
            .iter_rows()
        }
        mean = wins["amount"].mean()
        typical[ALL] = float(mean) if isinstance(mean, float) else 0.0
        return cls(ratios, spreads, typical)

    def expected(self, deals: pl.DataFrame) -> Floats:
        """Amount of each deal if it is won, shape (n,)."""
        recorded = deals["amount"].fill_null(np.nan).to_numpy()
        typical = np.array(
            [
                self.typical.get(f"{segment}/{kind}", self.typical[ALL])
                for segment, kind in deals.select("segment", "opportunity_type").iter_rows()
            ]
        ).reshape(deals.height)
        ratio = np.array([self.ratios.get(stage, 1.0) for stage in deals["stage"]])
        return np.where(recorded > 0, recorded * ratio.reshape(deals.height), typical)

    def spread_table(self) -> tuple[list[str], Floats]:
        """Stages in order, and their spreads, shape (stages + 1, SPREAD_POINTS); the last is 1."""
        stages = sorted(self.spreads)
        rows = [*(self.spreads[stage] for stage in stages), [1.0] * SPREAD_POINTS]
        return stages, np.array(rows, dtype=np.float64)

    def spread_rows(self, stages_of_deals: pl.Series) -> Ints:
        """Which row of the spread table belongs to each deal."""
        stages, table = self.spread_table()
        places = {stage: place for place, stage in enumerate(stages)}
        found = [places.get(stage, len(table) - 1) for stage in stages_of_deals]
        return np.array(found, dtype=np.int64)

    def save(self, folder: Path) -> None:
        """Write it as text."""
        content = {"ratios": self.ratios, "spreads": self.spreads, "typical": self.typical}
        (folder / DRIFT_FILE).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> AmountDrift:
        """Read what `save` wrote."""
        content = json.loads((folder / DRIFT_FILE).read_text(encoding="utf-8"))
        return cls(content["ratios"], content["spreads"], content["typical"])
