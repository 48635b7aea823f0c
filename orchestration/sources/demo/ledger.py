"""The recorded history of opportunities: every change, and the full state after it.

One frame of states serves the current records, both history objects and the truth. Bad versions
(see `RATES`) are extra states beside the real ones and never enter the histories, except that an
unknown stage also leaves a history row.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, NEVER, START_TS, WARM_UP_TS
from orchestration.sources.demo.company import Company
from orchestration.sources.demo.deals import Deals
from orchestration.sources.demo.hazards import WON
from orchestration.sources.demo.paperwork import (
    close_date_events,
    competitor_events,
    owner_events,
    stage_events,
)
from orchestration.sources.demo.quotes import Quotes
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Ints, chance, every

STATE = (
    "stage",
    "probability",
    "category",
    "next_step",
    "loss_reason",
    "stage_moment",
    "amount",
    "owner",
    "close_day",
    "competitor",
)
_TRACKED = ("stage", "amount", "close_day", "probability", "category")


def kept(deals: Deals) -> pl.Series:
    """Numbers of the opportunities that the CRM knows: open on the first day or created later."""
    store = deals.opportunities
    end = np.minimum(store["closed"], store["deleted"])
    return pl.Series(np.flatnonzero((store["created"] >= WARM_UP_TS) & (end >= START_TS)))


def opportunity_states(deals: Deals, company: Company, quotes: Quotes, seed: int) -> pl.DataFrame:
    """The state after each moment at which anything changed.

    Columns: opportunity, moment, those of STATE, has_lines, deleted (bool), pushes, seq (running
    number within the opportunity). Sorted by opportunity and moment.
    """
    store = deals.opportunities
    stages = stage_events(deals, seed)
    gone = np.flatnonzero(store["deleted"] < NEVER)
    deletions = pl.DataFrame(
        {"opportunity": gone, "moment": store["deleted"][gone], "deleted": True}
    )
    events = pl.concat(
        [
            stages,
            quotes.amounts,
            owner_events(deals, company, seed),
            close_date_events(deals, seed),
            competitor_events(deals, seed, stages),
            deletions,
        ],
        how="diagonal",
    )
    life = pl.DataFrame({"opportunity": np.arange(len(store)), "gone": store["deleted"]})
    return (
        events.filter(pl.col("opportunity").is_in(kept(deals).implode()))
        .join(life, on="opportunity", how="left")
        .filter(pl.col("moment") <= pl.col("gone"))
        .drop("gone")
        .sort("opportunity", "moment", maintain_order=True)
        .with_columns(pl.col(*STATE, "deleted").forward_fill().over("opportunity"))
        .unique(subset=["opportunity", "moment"], keep="last", maintain_order=True)
        .with_columns(
            pl.col("deleted").fill_null(False),
            pl.col("competitor", "loss_reason", "next_step").fill_null(-1),
            seq=pl.int_range(pl.len()).over("opportunity"),
            pushes=_later_month().cast(pl.Int64).cum_sum().over("opportunity"),
        )
    )


def _later_month() -> pl.Expr:
    """Whether an open opportunity's close date moved into a later month (Salesforce PushCount)."""
    month = pl.col("close_day").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo")
    before = month.shift(1).over("opportunity")
    return ((month > before) & (pl.col("stage") < WON)).fill_null(False)


def with_bad_versions(states: pl.DataFrame, deals: Deals, seed: int) -> pl.DataFrame:
    """The states and, between them, bad versions; column `bad` names the kind, '' where none.

    Half of the bad versions stand a few days after creation and are corrected one to three days
    later; the others come after the last change and stay. Overridden values are in `bad` columns:
    the kind tells the export which field to spoil.
    """
    numbers = kept(deals).to_numpy()
    kinds = ("negative_amount", "unknown_stage", "unknown_currency", "malformed_close_date")
    glitches = [_glitches(states, numbers, kind, seed) for kind in kinds]
    extra = pl.concat(glitches).sort("moment")
    base = states.sort("moment").set_sorted("moment")
    filled = extra.join_asof(base, on="moment", by="opportunity", check_sortedness=False)
    filled = filled.filter(pl.col("stage").is_not_null() & ~pl.col("deleted"))
    filled = filled.filter((pl.col("bad") != "negative_amount") | pl.col("amount").is_not_nan())
    plain = states.with_columns(bad=pl.lit(""))
    return pl.concat([plain, filled.select(plain.columns)]).sort(
        "opportunity", "moment", maintain_order=True
    )


def _glitches(states: pl.DataFrame, numbers: Ints, kind: str, seed: int) -> pl.DataFrame:
    """Moments of one kind of bad version and of their corrections (bad = '')."""
    chosen = numbers[every(numbers, RATES[kind], len(kind) * 3)]
    span = (
        states.filter(pl.col("opportunity").is_in(pl.Series(chosen).implode()))
        .group_by("opportunity", maintain_order=True)
        .agg(first=pl.col("moment").first(), last=pl.col("moment").last())
    )
    opportunity = span["opportunity"].to_numpy()
    early = (opportunity // round(1 / RATES[kind])) % 2 == 0
    days = 1 + (4 * chance(opportunity, seed, kind)).astype(np.int64)
    start = np.maximum(span["first"].to_numpy(), START_TS)
    moment = np.where(early, start, span["last"].to_numpy()) + days * DAY + 4_211
    mended = moment[early] + (1 + opportunity[early] % 3) * DAY
    return pl.DataFrame(
        {
            "opportunity": np.concatenate([opportunity, opportunity[early]]),
            "moment": np.concatenate([moment, mended]),
            "bad": [kind] * len(opportunity) + [""] * int(early.sum()),
        },
        schema={"opportunity": pl.Int64, "moment": pl.Int64, "bad": pl.String},
    )


def history_rows(states: pl.DataFrame) -> pl.DataFrame:
    """States of OpportunityHistory: the first, and those in which a tracked field changed.

    Adds prev_amount and prev_close_day (of the row before, null for the first).
    """
    changed = pl.any_horizontal(
        pl.col(field).ne_missing(pl.col(field).shift(1).over("opportunity")) for field in _TRACKED
    )
    unknown = pl.col("bad") == "unknown_stage"
    rows = states.filter((pl.col("bad") == "") | unknown)
    first = pl.int_range(pl.len()).over("opportunity") == 0
    rows = rows.filter(first | changed | unknown)
    return rows.with_columns(
        prev_amount=pl.col("amount").shift(1).over("opportunity"),
        prev_close_day=pl.col("close_day").shift(1).over("opportunity"),
    )


def field_changes(states: pl.DataFrame) -> pl.DataFrame:
    """One row per changed field: opportunity, moment, field, data_type, old, new, actor, serial."""
    fields = {
        "StageName": ("stage", "DynamicEnum"),
        "Amount": ("amount", "Currency"),
        "CloseDate": ("close_day", "DateOnly"),
        "OwnerId": ("owner", "EntityId"),
        "ForecastCategoryName": ("category", "DynamicEnum"),
        "NextStep": ("next_step", "Text"),
    }
    real = states.filter(pl.col("bad") == "")
    parts: list[pl.DataFrame] = []
    for place, (field, (column, data_type)) in enumerate(fields.items()):
        old = pl.col(column).shift(1).over("opportunity")
        parts.append(
            real.with_columns(old=old)
            .filter((pl.col("seq") > 0) & pl.col(column).ne_missing(pl.col("old")))
            .filter(~(pl.col(column).cast(pl.Float64).is_nan()) | pl.col("old").is_not_null())
            .select(
                "opportunity",
                "moment",
                "owner",
                pl.lit(field).alias("field"),
                pl.lit(data_type).alias("data_type"),
                pl.col("old").cast(pl.Float64),
                pl.col(column).cast(pl.Float64).alias("new"),
                ((pl.col("opportunity") * 128 + pl.col("seq")) * 8 + place).alias("serial"),
            )
        )
    return pl.concat(parts).sort("opportunity", "moment", "serial")


def stage_name(column: str) -> pl.Expr:
    """Stage numbers as names."""
    return (
        pl.col(column)
        .cast(pl.Int64)
        .replace_strict(list(range(len(words.STAGES))), list(words.STAGES), return_dtype=pl.String)
    )
