"""Changes of the selling organisation in the middle of a quarter: seats that move to another team,
and territories that are redrawn, so that accounts go from one seat's territory to another's.

Both are plans for twelve years, drawn from streams of their own. Deals stay with who works them:
nothing here changes who sells what, or how well.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestration.sources.demo.clock import DAY, HOUR, LAST_MONTH, NEVER, month_start
from orchestration.sources.demo.company import AE, AE_MANAGER, CRO, Company
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.store import Store
from orchestration.sources.demo.streams import Ints, chance, every, stream

_MOVED_SEATS = 0.03  # share of the account executives' seats that change the team in a quarter
_REDRAWN_SEATS = 0.10  # share of the territories that are redrawn in a quarter
_MOVED_ACCOUNTS = 0.25  # share of its accounts that a redrawn territory gives away
_SEGMENTS_IN_TURN = (1, 2, 0)


@dataclass(frozen=True)
class SeatMove:
    """A seat changes the line above it, and with it region, segment (-1 = all) and team."""

    moment: int
    seat: int
    above: int
    region: int
    segment: int


@dataclass(frozen=True)
class Line:
    """Where a seat stands in the organisation between two moments."""

    since: int
    until: int
    above: int
    region: int
    segment: int


@dataclass(frozen=True)
class AccountMoves:
    """Accounts that go from one seat's territory to another's, in the order of time.

    `released` is when the old assignment ends: mostly the moment itself, sometimes weeks later, so
    that an account is in two territories for a while.
    """

    account: Ints
    moment: Ints
    origin: Ints
    target: Ints
    released: Ints


class Reorganisations:
    """What changes in a company, and when."""

    def __init__(self, company: Company, accounts: Store, seed: int) -> None:
        self._company = company
        self._accounts = accounts
        self._seed = seed

    @cached_property
    def seat_moves(self) -> list[SeatMove]:
        """Moves of account executives' seats, one at least in every other quarter."""
        lines = {
            number: (seat.above, seat.region, seat.segment)
            for number, seat in enumerate(self._company.seats)
        }
        moves: list[SeatMove] = []
        for quarter, day in enumerate(_quarters()):
            rng = stream(self._seed, quarter, "seat moves")
            seats = self._open_seats(day)
            draws = rng.random(len(seats))
            chosen = seats[draws < _MOVED_SEATS]
            if quarter % 2 == 0 and not len(chosen):
                chosen = seats[[int(np.argmin(draws))]]
            for seat in chosen.tolist():
                moment = _mid_quarter(rng, day)
                above, region, segment = self._elsewhere(rng, *lines[seat])
                lines[seat] = (above, region, segment)
                moves.append(SeatMove(moment, seat, above, region, segment))
        return sorted(moves, key=lambda move: move.moment)

    def _elsewhere(
        self, rng: np.random.Generator, above: int, region: int, segment: int
    ) -> tuple[int, int, int]:
        """Another manager, where there is one in another region, and another team in any case."""
        seats = self._company.seats
        managers = [n for n, s in enumerate(seats) if s.function == AE_MANAGER]
        if len(managers) > 1:
            manager = int(rng.choice([n for n in managers if n != above]))
            target = seats[manager].region
        else:  # in a small company: to the top, or back to the only manager
            chiefs = [n for n, s in enumerate(seats) if s.function == CRO]
            manager = int(rng.choice([n for n in managers + chiefs if n != above]))
            target = (region + 1) % 3
        if target == region and segment >= 0:
            segment = _SEGMENTS_IN_TURN[(_SEGMENTS_IN_TURN.index(segment) + 1) % 3]
        return manager, target, segment

    def lines(self, seat: int) -> list[Line]:
        """Where a seat stands, one entry for each stretch of time between its moves."""
        at = self._company.seats[seat]
        own = [move for move in self.seat_moves if move.seat == seat]
        since = [0, *(move.moment for move in own)]
        until = [*(move.moment for move in own), NEVER]
        places = [(at.above, at.region, at.segment)]
        places += [(move.above, move.region, move.segment) for move in own]
        return [
            Line(start, end, *place) for start, end, place in zip(since, until, places, strict=True)
        ]

    @cached_property
    def account_moves(self) -> AccountMoves:
        """Moves of accounts when territories are redrawn, one territory at least in a quarter."""
        accounts = self._accounts
        seat = accounts["seat"].copy()
        gone = np.minimum(accounts["merged"], accounts["deleted"])
        parts: list[tuple[Ints, Ints, Ints, Ints]] = []
        for quarter, day in enumerate(_quarters()):
            rng = stream(self._seed, quarter, "territories redrawn")
            seats = self._open_seats(day)
            draws = rng.random(len(seats))
            chosen = seats[draws < _REDRAWN_SEATS]
            if not len(chosen):
                chosen = seats[[int(np.argmin(draws))]]
            for origin in chosen.tolist():
                moment = _mid_quarter(rng, day)
                target = self._neighbour(rng, seats, origin)
                share = chance(np.arange(len(seat)), self._seed, f"redrawn {quarter} {origin}")
                here = (seat == origin) & (accounts["created"] < moment - 30 * DAY)
                moved = np.flatnonzero(here & (gone > moment) & (share < _MOVED_ACCOUNTS))
                seat[moved] = target
                filled = (np.full(len(moved), value) for value in (moment, origin, target))
                parts.append((moved.astype(np.int64), *filled))  # type: ignore[arg-type]
        account, moment, origin, target = (
            np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)
        )
        late = every(account, RATES["territory_overlap"], 5)
        weeks = 7 * DAY * (1 + account % 4)
        released = np.minimum(np.where(late, moment + weeks, moment), gone[account])
        return AccountMoves(account, moment, origin, target, released)

    def _neighbour(self, rng: np.random.Generator, seats: Ints, origin: int) -> int:
        """A seat that takes accounts over: of the same region and segment where there is one."""
        own = self._company.seats[origin]
        others = [int(n) for n in seats if n != origin]
        near = [n for n in others if self._company.seats[n].region == own.region]
        exact = [n for n in near if self._company.seats[n].segment == own.segment]
        return int(rng.choice(exact or near or others))

    def _open_seats(self, day: int) -> Ints:
        """Account executives' seats that are open since a month or more."""
        return np.array(
            [
                number
                for number, seat in enumerate(self._company.seats)
                if seat.function == AE and seat.opened <= (day - 30) * DAY
            ],
            dtype=np.int64,
        )


def _quarters() -> list[int]:
    """First days of the quarters in which something is reorganised, from the first one on."""
    return [month_start(month) for month in range(0, LAST_MONTH - 2, 3)]


def _mid_quarter(rng: np.random.Generator, day: int) -> int:
    """A morning between the fifth and the ninth week of a quarter, on a Monday to Friday."""
    picked = day + int(rng.integers(30, 62))
    weekday = (picked + 3) % 7
    return (picked + (7 - weekday if weekday >= 5 else 0)) * DAY + 9 * HOUR
