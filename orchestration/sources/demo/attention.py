"""Who gets attention when: the spans in which deals, leads and customers are worked on, and the
people in them.

A month's activity is drawn from its own streams for everything that was alive in the month. Rates
follow the stage and the hidden causes (engagement: answers and meetings; threads: how many people;
champion: answers), never the outcome.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from orchestration.sources.demo.clock import DAY, month_start, working_moment
from orchestration.sources.demo.deals import standardised
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.hazards import WON
from orchestration.sources.demo.streams import Array, Floats, Ints, counts_from, spread

SERIALS_PER_MONTH = 60_000_000
LEAD_ATTENTION_DAYS = 30
_CUSTOMER_DAYS = 300
SEGMENT_RATE = np.array([0.80, 1.0, 1.30])


@dataclass(frozen=True)
class Moments:
    """Drawn activities: row of the span that each belongs to, and when it happened."""

    span: Ints
    moment: Ints


def draw_moments(
    rng: np.random.Generator,
    start: Array,
    end: Array,
    per_day: Array,
    offset: Array,
    latest: Array | None = None,
) -> Moments:
    """Activities in spans: Poisson numbers by length and rate, moved into working hours.

    None is later than `latest` (by default the span's end) nor earlier than the span's start.
    """
    counts = counts_from(rng, np.asarray(per_day * (end - start) / DAY, dtype=np.float64))
    span = spread(counts)
    first, last = start[span], end[span]
    moment = first + (rng.random(len(span)) * (last - first)).astype(np.int64)
    moment = working_moment(rng, moment, offset[span], first)
    limit = last if latest is None else latest[span]
    over = moment >= limit
    moment[over] = np.maximum(first[over], limit[over] - rng.integers(60, 3_000, int(over.sum())))
    return Moments(span, moment)


class Attention:
    """Spans of attention and the people in them; the draws of one month at a time."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.world = book.world
        self.seed = book.seed

    @cached_property
    def visits(self) -> pl.DataFrame:
        """Open stage visits of known deals; `over` is the next close.

        Columns: opportunity, stage, entered, left, over.
        """
        frame = self.world.deals.visits.frame().sort("opportunity", "entered", maintain_order=True)
        gone = pl.Series(self.world.deals.opportunities["deleted"][frame["opportunity"].to_numpy()])
        closing = pl.when(pl.col("stage") >= WON).then("entered")
        return (
            frame.with_columns(
                left=pl.min_horizontal("left", gone),
                over=pl.min_horizontal(closing.backward_fill().over("opportunity"), gone),
            )
            .filter(pl.col("stage") < WON)
            .filter(pl.col("opportunity").is_in(self.book.opportunities.implode()))
            .filter(pl.col("entered") < pl.col("left"))
        )

    @cached_property
    def _role_keys(self) -> Ints:
        roles = self.world.stakeholders.roles
        return (roles["opportunity"] << 32) + roles["created"]

    @cached_property
    def _owner_keys(self) -> tuple[Ints, Ints]:
        states = self.book.true_states
        rows, moments = states["opportunity"].to_numpy(), states["moment"].to_numpy()
        return (rows << 32) + moments, states["owner"].to_numpy()

    def owners(self, opportunity: Array, moment: Array) -> Ints:
        """Owners of opportunities at moments."""
        keys, owners = self._owner_keys
        at = np.searchsorted(keys, (opportunity << 32) + moment, side="right") - 1
        return owners[np.maximum(at, 0)]

    def people(self, rng: np.random.Generator, opportunity: Array, moment: Array) -> Ints:
        """A contact of each opportunity among those known by then, the first ones more often."""
        low = np.searchsorted(self._role_keys, opportunity << 32, side="left")
        high = np.searchsorted(self._role_keys, (opportunity << 32) + moment, side="right")
        known = np.maximum(high - low, 1)
        pick = low + (rng.random(len(opportunity)) ** 1.6 * known).astype(np.int64)
        return self.world.stakeholders.roles["contact"][pick]

    def deal_spans(self, month: int) -> pl.DataFrame:
        """Visits within the month: opportunity, stage, start, end, left, segment, offset."""
        start, end = month_start(month) * DAY, month_start(month + 1) * DAY
        store = self.world.deals.opportunities
        part = self.visits.filter((pl.col("entered") < end) & (pl.col("left") > start))
        rows = part["opportunity"].to_numpy()
        seats = store["ae_seat"][rows]
        owner = self.book.company.owner(seats, part["entered"].to_numpy())
        return part.with_columns(
            start=pl.max_horizontal("entered", pl.lit(start)),
            end=pl.min_horizontal("left", pl.lit(end)),
            segment=pl.Series(store["segment"][rows]),
            offset=pl.Series(self.book.user_offsets[owner]),
        )

    def deal_traits(self, rows: Ints) -> Floats:
        """Standardised causes of deals without the rep's skill."""
        return standardised(self.world.deals.opportunities, rows, np.zeros(len(rows)))

    def lead_spans(self, month: int) -> dict[str, Ints]:
        """Known leads that get attention in the month: lead, start, end, offset."""
        start, end = month_start(month) * DAY, month_start(month + 1) * DAY
        leads = self.world.demand.leads
        until = np.minimum(leads["end"], leads["created"] + LEAD_ATTENTION_DAYS * DAY)
        until = np.minimum(until, np.minimum(leads["deleted"], leads["merged"]))
        rows = np.flatnonzero(
            self.book.is_known_lead
            & (leads["origin"] < 0)
            & (leads["created"] < end)
            & (until > start)
        )
        owner = self.book.company.owner(leads["seat"][rows], leads["created"][rows])
        return {
            "lead": rows,
            "start": np.maximum(leads["created"][rows], start),
            "end": np.minimum(until[rows], end),
            "offset": self.book.user_offsets[owner],
        }

    def customer_spans(self, month: int) -> dict[str, Ints]:
        """Won deals whose customer is still in touch: opportunity, start, end, offset."""
        start, end = month_start(month) * DAY, month_start(month + 1) * DAY
        store = self.world.deals.opportunities
        since = store["closed"]
        until = np.minimum(since + _CUSTOMER_DAYS * DAY, store["deleted"])
        rows = np.flatnonzero(
            self.book.is_known_opportunity
            & (store["outcome"] == 1)
            & (since < end)
            & (until > start)
        )
        owner = self.book.company.owner(store["ae_seat"][rows], since[rows])
        return {
            "opportunity": rows,
            "start": np.maximum(since[rows], start),
            "end": np.minimum(until[rows], end),
            "offset": self.book.user_offsets[owner],
        }


def in_visits(rng: np.random.Generator, spans: pl.DataFrame, rate: Array) -> Moments:
    """Activities in deals' visits at a rate per day for each."""
    start, end, offset = (spans[name].to_numpy() for name in ("start", "end", "offset"))
    return draw_moments(rng, start, end, rate, offset)


def numbered(frame: pl.DataFrame, month: int) -> pl.DataFrame:
    """Adds `serial`, a number that no other row of the kind has in any month."""
    serial = np.arange(frame.height, dtype=np.int64) + (month + 10) * SERIALS_PER_MONTH
    return frame.with_columns(serial=pl.Series(serial))
