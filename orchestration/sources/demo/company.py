"""The selling company: seats (positions with a territory), the people who hold them one after
another, and who owns a seat's accounts and deals at any moment.

A seat outlives its holders: when one leaves, a colleague looks after the seat until the successor
comes. All tenures are drawn twelve years ahead, so the plan does not depend on the last day.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, NEVER, START_TS
from orchestration.sources.demo.streams import Array, Floats, Ints, stream

AE, BDR, SE, AE_MANAGER, BDR_MANAGER, SE_MANAGER, VP, CRO, OTHER = range(9)
ROLE_NAMES = (
    "Account Executive",
    "Business Development Rep",
    "Sales Engineer",
    "Sales Manager",
    "BDR Manager",
    "SE Manager",
    "VP Sales",
    "Chief Revenue Officer",
    "Sales Operations",
)
COMPANY_DOMAIN = "tessera.example"
_MEAN_TENURE_DAYS = (1_500, 1_000, 2_200, 2_600, 2_600, 2_600, 4_000, 40_000, 40_000)
_REGION_SHARE = (0.52, 0.31, 0.17)
_SEGMENT_OF_TURN = (2, 1, 2, 1, 0, 2, 1, 2)  # AE seats of a region take these segments in turn
_PLAN_END = START_TS + 12 * 365 * DAY


@dataclass
class Seat:
    """A position: function, region, segment (-1 = all), opening moment and the seat above it."""

    function: int
    region: int
    segment: int
    opened: int
    above: int
    holders: list[tuple[int, int, int]] = field(default_factory=lambda: [])  # (from, until, user)


@dataclass
class Users:
    """The people, one list entry each; moments in seconds, `left` is NEVER for who stays."""

    first: list[int] = field(default_factory=lambda: [])
    last: list[int] = field(default_factory=lambda: [])
    function: list[int] = field(default_factory=lambda: [])
    region: list[int] = field(default_factory=lambda: [])
    segment: list[int] = field(default_factory=lambda: [])
    seat: list[int] = field(default_factory=lambda: [])
    hired: list[int] = field(default_factory=lambda: [])
    left: list[int] = field(default_factory=lambda: [])
    skill: list[float] = field(default_factory=lambda: [])


@dataclass(frozen=True)
class Company:
    """Seats, users and the ownership timeline of every seat."""

    seats: list[Seat]
    users: Users
    skill: Floats  # one per user, mean 0, standard deviation about 1
    left: Ints
    hired: Ints
    emails: list[str]
    timeline_keys: Ints
    timeline_users: Ints

    def owner(self, seats: Array, moments: Array) -> Ints:
        """Who looks after each seat at each moment (user numbers)."""
        keys = (seats.astype(np.int64) << 32) + np.maximum(moments, 0)
        at = np.searchsorted(self.timeline_keys, keys, side="right") - 1
        return self.timeline_users[at]

    def seats_open(self, function: int, region: int, segment: int, moment: int) -> Ints:
        """Seats of a function for a region and segment at a moment, widened until not empty."""
        rows = [
            (number, seat)
            for number, seat in enumerate(self.seats)
            if seat.function == function and seat.opened <= moment
        ]
        exact = [n for n, s in rows if s.region == region and s.segment in {segment, -1}]
        near = [n for n, s in rows if s.region == region]
        anyone = [n for n, _ in rows]
        return np.array(exact or near or anyone, dtype=np.int64)


class Peers:
    """Who could stand in for whom: tenures by function and region."""

    def __init__(self, seats: list[Seat]) -> None:
        rows: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for seat in seats:
            rows.setdefault((seat.function, seat.region), []).extend(seat.holders)
        self._tenures = {group: np.array(held, dtype=np.int64) for group, held in rows.items()}

    def covering(self, seat: Seat, moment: int, turn: int) -> int:
        """A user of the seat's group in office from `moment` for 75 days, or -1."""
        if seat.function not in {AE, BDR, SE}:
            return -1
        held = self._tenures[seat.function, seat.region]
        able = held[(held[:, 0] <= moment) & (held[:, 1] >= moment + 75 * DAY), 2]
        return int(able[turn % len(able)]) if len(able) else -1


def headcount(scale: float) -> dict[int, int]:
    """Seats per function on the first day; 56 at scale 1 and at least 12."""
    ae = max(5, round(26 * scale))
    bdr = max(2, round(9 * scale))
    se = max(2, round(8 * scale))
    return {
        AE: ae,
        BDR: bdr,
        SE: se,
        AE_MANAGER: max(1, math.ceil(ae / 7)),
        BDR_MANAGER: max(1, math.ceil(bdr / 9)),
        SE_MANAGER: math.ceil(se / 8) if se > 3 else 0,
        VP: 3 if scale >= 0.4 else 0,
        CRO: 1,
        OTHER: 1,
    }


def build_company(seed: int, scale: float) -> Company:
    """Draw seats, tenures, people and ownership for twelve years."""
    rng = stream(seed, 0, "company")
    seats = _seats(scale)
    users = Users()
    functions = [seat.function for seat in seats]
    for number, seat in enumerate(seats):
        goes = seat.function in {AE, BDR} and number == functions.index(seat.function)
        _fill(rng, number, seat, users, goes)
    keys: list[int] = []
    owners: list[int] = []
    order = sorted(range(len(seats)), key=lambda n: -seats[n].function)
    timelines: dict[int, list[tuple[int, int]]] = {}
    peers = Peers(seats)
    for number in order:
        timelines[number] = _timeline(number, seats, peers, timelines)
    for number in range(len(seats)):
        for moment, user in timelines[number]:
            keys.append((number << 32) + moment)
            owners.append(user)
    return Company(
        seats=seats,
        users=users,
        skill=np.array(users.skill, dtype=np.float64),
        left=np.array(users.left, dtype=np.int64),
        hired=np.array(users.hired, dtype=np.int64),
        emails=_addresses(users),
        timeline_keys=np.array(keys, dtype=np.int64),
        timeline_users=np.array(owners, dtype=np.int64),
    )


def _seats(scale: float) -> list[Seat]:
    """All seats, those above before those below; the later ones open as the company grows."""
    people = headcount(scale)
    seats: list[Seat] = []

    def add(function: int, region: int, segment: int, opened: int, above: int) -> int:
        seats.append(Seat(function, region, segment, opened, above))
        return len(seats) - 1

    chief = add(CRO, 0, -1, 0, -1)
    for _ in range(people[OTHER]):
        add(OTHER, 0, -1, 0, chief)
    heads = [add(VP, region, -1, 0, chief) for region in range(people[VP])]
    above_region = {r: heads[r] if heads else chief for r in range(3)}

    def managers(function: int, count: int) -> dict[int, list[int]]:
        """The manager seats that serve each region; every region has one at least."""
        regions = _regions(count)
        made = [add(function, r, -1, 0, above_region[r]) for r in regions]
        by_region = {r: [m for m, q in zip(made, regions, strict=True) if q == r] for r in range(3)}
        return {r: by_region[r] or made for r in range(3)}

    below = {
        AE: managers(AE_MANAGER, people[AE_MANAGER]),
        BDR: managers(BDR_MANAGER, people[BDR_MANAGER]),
    }
    below[SE] = managers(SE_MANAGER, people[SE_MANAGER]) if people[SE_MANAGER] else below[AE]
    for function in (AE, BDR, SE):
        now = people[function]
        later = max(1, round(now * 0.10)) * 6 if function != SE else round(now * 0.05) * 6
        turn = {0: 0, 1: 0, 2: 0}
        for place, region in enumerate(_regions(now) + _regions(later)):
            segment = -1
            if function == AE and people[AE] >= 15:
                segment = _SEGMENT_OF_TURN[turn[region] % len(_SEGMENT_OF_TURN)]
            chain = below[function][region]
            opened = 0 if place < now else _opening(place - now, later)
            add(function, region, segment, opened, chain[turn[region] % len(chain)])
            turn[region] += 1
    return seats


def _regions(count: int) -> list[int]:
    """Regions for `count` seats so that each prefix is close to the regional shares."""
    given = [0, 0, 0]
    result: list[int] = []
    for place in range(count):
        lack = [_REGION_SHARE[r] * (place + 1) - given[r] for r in range(3)]
        region = lack.index(max(lack))
        given[region] += 1
        result.append(region)
    return result


def _opening(place: int, seats: int) -> int:
    """When growth seat `place` of `seats` opens, evenly over six years from the third month."""
    return START_TS + int((70 + place * 6 * 365 / seats) * DAY)


def _fill(rng: np.random.Generator, number: int, seat: Seat, users: Users, goes: bool) -> None:
    """Give a seat its holders, one after another with a gap between them.

    `goes` makes the first holder leave within the first year, so that a small company has a leaver.
    """
    mean = _MEAN_TENURE_DAYS[seat.function]
    moment = seat.opened or START_TS - int(rng.integers(45, 1_300)) * DAY
    first = True
    while moment < _PLAN_END:
        days = max(150, int(rng.exponential(mean)))
        until = moment + days * DAY
        if first and not seat.opened:
            until = max(until - mean // 3 * DAY, START_TS + int(rng.integers(30, mean)) * DAY)
            if goes:
                until = START_TS + int(rng.integers(200, 330)) * DAY
        until = _weekday(until) + 17 * 3_600
        user = _hire(rng, number, seat, users, _weekday(moment), min(until, NEVER))
        seat.holders.append((moment, until, user))
        moment = _weekday(until + int(rng.integers(14, 75)) * DAY)
        first = False


def _weekday(moment: int) -> int:
    """The same day at midnight, or the Monday after a weekend."""
    day = moment // DAY
    weekday = (day + 3) % 7
    return (day + (7 - weekday if weekday >= 5 else 0)) * DAY


def _hire(
    rng: np.random.Generator, number: int, seat: Seat, users: Users, hired: int, left: int
) -> int:
    users.first.append(int(rng.integers(len(words.FIRST_NAMES))))
    users.last.append(int(rng.integers(len(words.LAST_NAMES))))
    users.function.append(seat.function)
    users.region.append(seat.region)
    users.segment.append(seat.segment)
    users.seat.append(number)
    users.hired.append(hired)
    users.left.append(left if left < _PLAN_END else NEVER)
    users.skill.append(float(rng.normal()))
    return len(users.first) - 1


def _timeline(
    number: int, seats: list[Seat], peers: Peers, above: dict[int, list[tuple[int, int]]]
) -> list[tuple[int, int]]:
    """(moment, user) pairs from which on a user looks after the seat; the first begins at 0.

    In a gap that is a colleague of the same function and region who stays for the gap, and where
    there is none, whoever holds the seat above.
    """
    seat = seats[number]
    result: list[tuple[int, int]] = []
    for place, (moment, until, user) in enumerate(seat.holders):
        result.append((0 if place == 0 else moment, user))
        if place + 1 < len(seat.holders):
            stand_in = peers.covering(seat, until, number)
            if stand_in < 0:
                line = above[seat.above]
                stand_in = next(u for start, u in reversed(line) if start <= until)
            result.append((until, stand_in))
    return result


def _addresses(users: Users) -> list[str]:
    """A unique work address per user."""
    seen: dict[str, int] = {}
    result: list[str] = []
    for first, last in zip(users.first, users.last, strict=True):
        name = (
            f"{words.ascii_of(words.FIRST_NAMES[first])}.{words.ascii_of(words.LAST_NAMES[last])}"
        )
        seen[name] = seen.get(name, 0) + 1
        suffix = str(seen[name]) if seen[name] > 1 else ""
        result.append(f"{name}{suffix}@{COMPANY_DOMAIN}")
    return result
