"""When competitors are noted on deals, and how reps spell them.

The names and dates follow from the hidden number of rivals, the deal's way so far and chance. A
rival is noted some days after the deal entered a stage, if the deal is still open by then.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, HOUR, NEVER
from orchestration.sources.demo.deals import Deals
from orchestration.sources.demo.hazards import DISCOVERY, PROPOSAL, WON
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, Ints, chance, every

PLACES = 4  # numbers of records per opportunity: two rivals, one suspicion, one spare
_SUSPECTED = 2
_DAYS_UNTIL_NOTED = 12


def competitor_names(numbers: Ints, seed: int) -> Ints:
    """The main rival of each opportunity (a number into the vocabulary), if it has one."""
    return (chance(numbers, seed, "competitor") * len(words.COMPETITORS)).astype(np.int64)


def open_visits(deals: Deals) -> pl.DataFrame:
    """Stage visits before a close: opportunity, stage, entered, left, over.

    `over` is the next close or the deletion, NEVER if there is none yet.
    """
    frame = deals.visits.frame().sort("opportunity", "entered", maintain_order=True)
    gone = pl.Series(deals.opportunities["deleted"][frame["opportunity"].to_numpy()])
    closing = pl.when(pl.col("stage") >= WON).then("entered")
    return (
        frame.with_columns(
            left=pl.min_horizontal("left", gone),
            over=pl.min_horizontal(
                closing.backward_fill().over("opportunity").fill_null(NEVER), gone
            ),
        )
        .filter((pl.col("stage") < WON) & (pl.col("entered") < pl.col("left")))
        .drop("row")
    )


def competitor_notes(deals: Deals, seed: int) -> pl.DataFrame:
    """Competitors that reps list on deals.

    Columns: opportunity, place, competitor, spelling, moment, removed. The first place is the main
    rival, the second another one; the third a suspicion on a deal without rivals that proved wrong
    and was removed (`removed` is NEVER where a record stays).
    """
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    main = competitor_names(numbers, seed)
    step = 1 + (chance(numbers, seed, "second competitor") * (len(words.COMPETITORS) - 1)).astype(
        np.int64
    )
    second = (main + step) % len(words.COMPETITORS)
    alone = (store["rivals"] == 0) & every(numbers, RATES["suspected_competitor"], 7)
    parts = [
        (np.flatnonzero(store["rivals"] > 0), 0, main, chance(numbers, seed, "competitor entered")),
        (np.flatnonzero(store["rivals"] > 1), 1, second, chance(numbers, seed, "second entered")),
        (np.flatnonzero(alone), _SUSPECTED, main, np.zeros(len(numbers))),
    ]
    listed = pl.concat([_listed(*part) for part in parts])
    key = listed["opportunity"].to_numpy() * PLACES + listed["place"].to_numpy()
    delay = (chance(key, seed, "competitor noted") * _DAYS_UNTIL_NOTED * DAY).astype(np.int64)
    stays = (5 + 15 * chance(key, seed, "suspicion lasts")) * DAY
    listed = listed.with_columns(
        delay=pl.Series(delay + HOUR // 4),
        spelling=pl.Series(_spellings(key, listed["competitor"].to_numpy(), seed)),
        stays=pl.Series(stays.astype(np.int64)),
    )
    noted = (
        open_visits(deals)
        .join(listed, on="opportunity", how="inner")
        .filter(pl.col("stage") >= pl.col("from_stage"))
        .group_by("opportunity", "place", maintain_order=True)
        .first()
        .with_columns(moment=pl.col("entered") + pl.col("delay"))
        .filter(pl.col("moment") < pl.col("over"))
    )
    ends = pl.col("moment") + pl.col("stays")
    wrong = (pl.col("place") == _SUSPECTED) & (ends < pl.col("over"))
    return (
        noted.with_columns(removed=pl.when(wrong).then(ends).otherwise(NEVER))
        .select("opportunity", "place", "competitor", "spelling", "moment", "removed")
        .sort("opportunity", "place")
    )


def _listed(rows: Ints, place: int, competitor: Ints, when: Array) -> pl.DataFrame:
    """Which deals list a competitor, and from which stage on: a third never does."""
    chosen = rows[when[rows] < 0.65]
    return pl.DataFrame(
        {
            "opportunity": chosen,
            "place": np.full(len(chosen), place),
            "competitor": competitor[chosen],
            "from_stage": np.where(when[chosen] < 0.35, DISCOVERY, PROPOSAL),
        }
    )


def _spellings(keys: Ints, competitor: Ints, seed: int) -> Ints:
    """The spelling of each record: mostly the first, which is the proper one."""
    draw = chance(keys, seed, "competitor spelling")
    others = np.array([len(spellings) - 1 for spellings in words.COMPETITOR_SPELLINGS])
    other = 1 + (chance(keys, seed, "competitor misspelt") * others[competitor]).astype(np.int64)
    return np.where(draw < 0.78, 0, other)
