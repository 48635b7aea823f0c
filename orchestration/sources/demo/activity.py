"""What reps and customers do: e-mails, calls, meetings, tasks and events, month by month.

A month's activity is drawn from its own streams for everything that was alive in the month. Rates
follow the stage and the hidden causes (engagement: answers and meetings; threads: how many people;
champion: answers), never the outcome.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from orchestration.sources.demo.clock import DAY, HOUR, month_start, working_moment
from orchestration.sources.demo.deals import standardised
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.hazards import DISCOVERY, QUALIFICATION, WON
from orchestration.sources.demo.streams import Array, Floats, Ints, counts_from, spread, stream

SERIALS_PER_MONTH = 60_000_000
LEAD_ATTENTION_DAYS = 30
_CUSTOMER_DAYS = 300
# Per open day, by stage from Prospecting to Negotiation.
_MAIL_OUT = np.array([0.30, 0.32, 0.30, 0.27, 0.32, 0.36])
_MAIL_IN = np.array([0.09, 0.15, 0.19, 0.19, 0.22, 0.27])
_CALLS = np.array([0.100, 0.105, 0.070, 0.055, 0.070, 0.095])
_MEETINGS = np.array([0.036, 0.082, 0.106, 0.096, 0.076, 0.068])
_TASKS = np.array([0.016, 0.020, 0.022, 0.022, 0.026, 0.026])
_EVENTS = np.array([0.004, 0.008, 0.021, 0.021, 0.018, 0.015])
_SEGMENT_RATE = np.array([0.80, 1.0, 1.30])


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


class Activity:
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

    def emails(self, month: int) -> pl.DataFrame:
        """E-mails: moment, user, contact, lead, opportunity, inbound, automated, topic, copied."""
        rng = stream(self.seed, month, "emails")
        parts = [
            self._deal_emails(rng, month, inbound=False),
            self._deal_emails(rng, month, inbound=True),
            self._lead_emails(rng, month, inbound=False),
            self._lead_emails(rng, month, inbound=True),
            self._customer_emails(rng, month),
            self._strangers(rng, month),
        ]
        return self._numbered(pl.concat(parts), month)

    def _numbered(self, frame: pl.DataFrame, month: int) -> pl.DataFrame:
        serial = np.arange(frame.height, dtype=np.int64) + (month + 10) * SERIALS_PER_MONTH
        return frame.with_columns(serial=pl.Series(serial))

    def _deal_emails(self, rng: np.random.Generator, month: int, *, inbound: bool) -> pl.DataFrame:
        spans = self.deal_spans(month)
        rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
        traits = self.deal_traits(rows)
        segment = _SEGMENT_RATE[spans["segment"].to_numpy()]
        if inbound:
            warmth = np.exp(0.50 * traits[:, 1] + 0.16 * traits[:, 2] - 0.15)
            rate = _MAIL_IN[stage] * warmth * segment
        else:
            rate = _MAIL_OUT[stage] * np.exp(0.08 * traits[:, 1]) * segment
        drawn = _in_visits(rng, spans, rate)
        deal = rows[drawn.span]
        contact = self.people(rng, deal, drawn.moment)
        other = self.people(rng, deal, drawn.moment)
        copied = (rng.random(len(deal)) < 0.22) & (other != contact)
        return _emails(
            drawn.moment, self.owners(deal, drawn.moment), inbound=inbound, contact=contact,
            opportunity=deal, topic=stage[drawn.span], copied=np.where(copied, other, -1),
        )  # fmt: skip

    def _lead_emails(self, rng: np.random.Generator, month: int, *, inbound: bool) -> pl.DataFrame:
        spans, leads = self.lead_spans(month), self.world.demand.leads
        rows = spans["lead"]
        intent = leads["intent"][rows]
        rate = 0.030 * np.exp(0.65 * intent) if inbound else np.full(len(rows), 0.16)
        drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
        lead = rows[drawn.span]
        owner = self.book.company.owner(leads["seat"][lead], drawn.moment)
        by_hand = rng.random(len(lead)) < 0.2
        return _emails(
            drawn.moment, owner, inbound=inbound, lead=lead,
            automated=np.zeros(len(lead), dtype=bool) if inbound else ~by_hand,
            topic=(drawn.moment // DAY - leads["created"][lead] // DAY) // 8 + 10,
        )  # fmt: skip

    def _customer_emails(self, rng: np.random.Generator, month: int) -> pl.DataFrame:
        spans, store = self.customer_spans(month), self.world.deals.opportunities
        rate = np.full(len(spans["start"]), 0.045)
        drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
        deal = spans["opportunity"][drawn.span]
        inbound = rng.random(len(deal)) < 0.45
        return _emails(
            drawn.moment, self.book.company.owner(store["ae_seat"][deal], drawn.moment),
            inbound=inbound, contact=self.people(rng, deal, drawn.moment),
            topic=np.full(len(deal), 20),
        )  # fmt: skip

    def _strangers(self, rng: np.random.Generator, month: int) -> pl.DataFrame:
        """Mail with people whom the CRM does not know: about one a week for each user.

        Less in a company that is too small for its people, so that its share stays the same.
        """
        start, end = month_start(month) * DAY, month_start(month + 1) * DAY
        company = self.book.company
        users = np.flatnonzero((company.hired < end) & (company.left > start))
        begin, stop = np.maximum(company.hired[users], start), np.minimum(company.left[users], end)
        share = min(1.0, 60 * self.world.scale / len(users))
        rate = np.full(len(users), 0.22 * share if month >= 0 else 0.0)
        drawn = draw_moments(rng, begin, stop, rate, self.book.user_offsets[users])
        inbound = rng.random(len(drawn.span)) < 0.7
        return _emails(drawn.moment, users[drawn.span], inbound=inbound,
                       topic=np.full(len(drawn.span), 30))  # fmt: skip

    def calls(self, month: int) -> pl.DataFrame:
        """Calls: moment, user, contact, lead, opportunity, inbound, warmth, skill, draws."""
        rng = stream(self.seed, month, "calls")
        spans = self.deal_spans(month)
        rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
        rate = _CALLS[stage] * _SEGMENT_RATE[spans["segment"].to_numpy()]
        drawn = _in_visits(rng, spans, rate)
        deal = rows[drawn.span]
        first = pl.DataFrame(
            {
                "moment": drawn.moment, "user": self.owners(deal, drawn.moment),
                "contact": self.people(rng, deal, drawn.moment), "lead": np.full(len(deal), -1),
                "opportunity": deal, "warmth": self.deal_traits(deal)[:, 1],
            }
        )  # fmt: skip
        leads, attention = self.world.demand.leads, self.lead_spans(month)
        drawn = draw_moments(
            rng, attention["start"], attention["end"], np.full(len(attention["lead"]), 0.105),
            attention["offset"],
        )  # fmt: skip
        lead = attention["lead"][drawn.span]
        second = pl.DataFrame(
            {
                "moment": drawn.moment,
                "user": self.book.company.owner(leads["seat"][lead], drawn.moment),
                "contact": np.full(len(lead), -1), "lead": lead,
                "opportunity": np.full(len(lead), -1), "warmth": leads["intent"][lead] - 0.6,
            }
        )  # fmt: skip
        frame = self._numbered(pl.concat([first, second]), month)
        return _with_call_outcomes(rng, frame, self.book.company.skill)

    def meetings(self, month: int) -> pl.DataFrame:
        """Meetings by booking: booked, moment (start), user, contact, second, third, engineer,
        opportunity, stage, status (0 held, 1 cancelled, 2 no show), minutes, ended.

        A meeting that was booked for a day after the deal's close is cancelled at the close, so
        that a booking says nothing about how long the deal will live.
        """
        rng = stream(self.seed, month, "meetings")
        spans, store = self.deal_spans(month), self.world.deals.opportunities
        rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
        warm = self.deal_traits(rows)[:, 1]
        rate = _MEETINGS[stage] * np.exp(0.42 * warm - 0.09)
        rate = rate * _SEGMENT_RATE[spans["segment"].to_numpy()]
        offset = spans["offset"].to_numpy()
        drawn = _in_visits(rng, spans, rate)
        deal, over = rows[drawn.span], spans["over"].to_numpy()[drawn.span]
        ahead = rng.integers(1, 9, len(deal)) * DAY
        start = working_moment(rng, drawn.moment + ahead, offset[drawn.span], drawn.moment + HOUR)
        minutes = rng.choice([30, 30, 45, 60, 60, 90], len(deal))
        held = 1 / (1 + np.exp(-(1.55 + 0.55 * self.deal_traits(deal)[:, 1])))
        draw = rng.random(len(deal))
        status = np.where(draw < held, 0, np.where(draw < held + (1 - held) * 0.6, 1, 2))
        dropped = start >= over
        ended = np.where(dropped, over + 300, start + minutes * 60)
        engineer = self.book.company.owner(store["se_seat"][deal], drawn.moment)
        technical = (stage[drawn.span] >= DISCOVERY) & (rng.random(len(deal)) < 0.5)
        contact = self.people(rng, deal, drawn.moment)
        others = [self.people(rng, deal, drawn.moment) for _ in range(2)]
        frame = pl.DataFrame(
            {
                "booked": drawn.moment, "moment": start, "ended": ended,
                "user": self.owners(deal, drawn.moment), "contact": contact,
                "second": np.where(others[0] != contact, others[0], -1),
                "third": np.where((others[1] != contact) & (others[1] != others[0]), others[1], -1),
                "engineer": np.where(technical, engineer, -1), "opportunity": deal,
                "stage": stage[drawn.span], "status": np.where(dropped, 1, status),
                "minutes": minutes,
            }
        )  # fmt: skip
        return self._numbered(frame, month)

    def tasks(self, month: int) -> pl.DataFrame:
        """CRM tasks: moment, over, user, contact, lead, opportunity, topic.

        `over` is the close of the deal or the end of the attention to the lead; the topic is the
        stage, 10 for BANT or 20 for a lead.
        """
        rng = stream(self.seed, month, "tasks")
        parts = [self._deal_notes(rng, month, _TASKS), self._bant(month)]
        leads, spans = self.world.demand.leads, self.lead_spans(month)
        rate = np.full(len(spans["lead"]), 0.020)
        drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
        lead = spans["lead"][drawn.span]
        parts.append(
            pl.DataFrame(
                {
                    "moment": drawn.moment, "over": spans["end"][drawn.span],
                    "user": self.book.company.owner(leads["seat"][lead], drawn.moment),
                    "contact": np.full(len(lead), -1), "lead": lead,
                    "opportunity": np.full(len(lead), -1), "topic": np.full(len(lead), 20),
                }
            )
        )  # fmt: skip
        return self._numbered(pl.concat(parts), month)

    def events(self, month: int) -> pl.DataFrame:
        """CRM events (visits on site, workshops) by the moment of planning, columns as of tasks."""
        rng = stream(self.seed, month, "events")
        return self._numbered(self._deal_notes(rng, month, _EVENTS), month)

    def _deal_notes(self, rng: np.random.Generator, month: int, per_day: Floats) -> pl.DataFrame:
        spans = self.deal_spans(month)
        rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
        drawn = _in_visits(rng, spans, per_day[stage])
        deal = rows[drawn.span]
        return pl.DataFrame(
            {
                "moment": drawn.moment, "over": spans["over"].to_numpy()[drawn.span],
                "user": self.owners(deal, drawn.moment),
                "contact": self.people(rng, deal, drawn.moment), "lead": np.full(len(deal), -1),
                "opportunity": deal, "topic": stage[drawn.span],
            }
        )  # fmt: skip

    def _bant(self, month: int) -> pl.DataFrame:
        """A BANT note in each visit to Qualification and in some to Discovery."""
        start, end = month_start(month) * DAY, month_start(month + 1) * DAY
        part = self.visits.filter(
            (pl.col("stage") == QUALIFICATION)
            | ((pl.col("stage") == DISCOVERY) & (pl.col("opportunity") % 2 == 0))
        ).with_columns(
            moment=pl.min_horizontal(
                pl.col("entered") + (1 + pl.col("opportunity") % 9) * DAY + 2 * HOUR,
                pl.col("left") - 900,
            )
        )
        part = part.filter(pl.col("moment").is_between(start, end - 1))
        deal, moment = part["opportunity"].to_numpy(), part["moment"].to_numpy()
        return pl.DataFrame(
            {
                "moment": moment, "over": part["over"], "user": self.owners(deal, moment),
                "contact": self.world.deals.opportunities["contact"][deal],
                "lead": np.full(len(deal), -1), "opportunity": deal,
                "topic": np.full(len(deal), 10),
            }
        )  # fmt: skip


def _in_visits(rng: np.random.Generator, spans: pl.DataFrame, rate: Array) -> Moments:
    """Activities in deals' visits at a rate per day for each."""
    start, end, offset = (spans[name].to_numpy() for name in ("start", "end", "offset"))
    return draw_moments(rng, start, end, rate, offset)


def _emails(
    moment: Ints,
    user: Ints,
    *,
    inbound: Array | bool,
    topic: Array,
    contact: Array | int = -1,
    lead: Array | int = -1,
    opportunity: Array | int = -1,
    automated: Array | bool = False,
    copied: Array | int = -1,
) -> pl.DataFrame:
    rows = len(moment)

    def column(values: Array | int | bool, kind: type[np.bool_ | np.int64]) -> Array:
        whole: Array = np.zeros(rows, dtype=np.int64) + np.asarray(values, dtype=np.int64)
        return whole.astype(kind)

    return pl.DataFrame(
        {
            "moment": moment, "user": user, "inbound": column(inbound, np.bool_),
            "automated": column(automated, np.bool_), "topic": column(topic, np.int64),
            "contact": column(contact, np.int64), "lead": column(lead, np.int64),
            "opportunity": column(opportunity, np.int64), "copied": column(copied, np.int64),
        }
    )  # fmt: skip


def _with_call_outcomes(
    rng: np.random.Generator, frame: pl.DataFrame, skill: Floats
) -> pl.DataFrame:
    """Disposition, duration and what speech analysis says; warm people answer and sound warm."""
    rows = frame.height
    warmth, rep = frame["warmth"].to_numpy(), skill[frame["user"].to_numpy()]
    connects = 1 / (1 + np.exp(-(-0.75 + 0.45 * warmth + 0.1 * rep)))
    draw = rng.random(rows)
    rest = 1 - connects
    disposition = np.select(
        [draw < connects, draw < connects + 0.45 * rest, draw < connects + 0.92 * rest],
        [0, 1, 2],
        3,
    )
    talking = disposition == 0
    seconds = np.where(
        talking,
        90 + rng.gamma(1.6, 300, rows),
        np.where(disposition == 1, 35 * rng.random(rows), 0),
    ).astype(np.int64)
    ratio = np.clip(0.56 - 0.05 * rep + 0.11 * rng.normal(size=rows), 0.05, 0.98)
    monologue = np.minimum(seconds * ratio, 25 + rng.gamma(2.0, 28, rows) * np.exp(-0.12 * rep))
    questions = rng.poisson(np.maximum(seconds, 1) / 100 * np.exp(0.18 * rep))
    mood = np.tanh(0.15 + 0.32 * warmth + 0.45 * rng.normal(size=rows))
    return frame.with_columns(
        inbound=pl.Series(rng.random(rows) < 0.08),
        disposition=pl.Series(disposition),
        seconds=pl.Series(seconds),
        talk_ratio=pl.Series(np.where(talking, np.round(ratio, 3), np.nan)),
        monologue=pl.Series(np.where(talking, np.round(monologue), np.nan)),
        questions=pl.Series(np.where(talking, questions, np.nan)),
        sentiment=pl.Series(np.where(talking, np.round(mood, 3), np.nan)),
    )
