"""The people on the customer's side of a deal: contact roles, in the order in which they appear.

How many there are shows multi-threading; a Champion role shows, with errors, a champion.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, HOUR, NEVER, month_start
from orchestration.sources.demo.deals import Deals
from orchestration.sources.demo.market import Market, append_contacts
from orchestration.sources.demo.store import Store
from orchestration.sources.demo.streams import Ints, counts_from, position_within, spread, stream

_MOST = 9


@dataclass(frozen=True)
class Stakeholders:
    """Contact roles, grouped by opportunity in ascending order, each group by moment."""

    roles: Store


def new_stakeholders() -> Stakeholders:
    """No contact roles yet."""
    return Stakeholders(
        Store(opportunity=np.int64, place=np.int64, contact=np.int64, role=np.int64,
              created=np.int64)
    )  # fmt: skip


def add_stakeholders(
    stakeholders: Stakeholders, deals: Deals, market: Market, seed: int, month: int, numbers: Ints
) -> None:
    """Contact roles for this month's opportunities; unknown people become new contacts."""
    rng = stream(seed, month, "stakeholders")
    store = deals.opportunities
    expected = (
        np.exp(0.15 + 0.5 * store["threads"][numbers])
        * np.array([0.7, 1.1, 1.6])[store["segment"][numbers]]
    )
    counts = np.minimum(1 + counts_from(rng, expected), _MOST)
    owner = spread(counts)
    place = position_within(counts)
    opportunity = numbers[owner]
    created = store["created"][opportunity]
    normal = np.array([35, 60, 95])[store["segment"][opportunity]]
    delay = np.where(place == 0, 0, rng.gamma(1.3, 0.32, len(owner)) * normal * DAY)
    moment = created + delay.astype(np.int64)
    # Kept within the deal's life, or the roles of lost deals would outlive them.
    latest = np.minimum(store["closed"][opportunity], store["deleted"][opportunity]) - HOUR
    within = (moment <= latest) | (place == 0)
    owner, place, opportunity, moment = (
        values[within] for values in (owner, place, opportunity, moment)
    )
    contact = _people(rng, deals, market, month, opportunity, place, moment)
    order = np.lexsort((moment, opportunity))
    opportunity, contact, moment = opportunity[order], contact[order], moment[order]
    _, sizes = np.unique(opportunity, return_counts=True)
    stakeholders.roles.append(
        len(opportunity), opportunity=opportunity, place=position_within(sizes.astype(np.int64)),
        contact=contact, role=_roles(rng, store, opportunity, sizes.astype(np.int64)),
        created=moment,
    )  # fmt: skip


def _people(
    rng: np.random.Generator,
    deals: Deals,
    market: Market,
    month: int,
    opportunity: Ints,
    place: Ints,
    moment: Ints,
) -> Ints:
    """A contact for each role: the lead's own, a known one of the account, or a new one."""
    store, contacts = deals.opportunities, market.contacts
    account = store["account"][opportunity]
    usable = np.flatnonzero((contacts["origin"] < 0) & (contacts["deleted"] == NEVER))
    usable = usable[np.isin(contacts["account"][usable], account)]
    usable = usable[np.argsort(contacts["account"][usable], kind="stable")]
    home = contacts["account"][usable]
    first = np.searchsorted(home, account, side="left")
    known = np.searchsorted(home, account, side="right") - first
    start = rng.integers(0, 1_000_000, int(opportunity.max()) + 1)[opportunity]
    pick = first + (start + place) % np.maximum(known, 1)
    chosen = np.full(len(opportunity), -1, dtype=np.int64)
    old = (place < np.minimum(known, 2 + start % 2)) & (known > 0)
    chosen[old] = usable[pick[old]]
    late = old & (contacts["created"][np.maximum(chosen, 0)] > moment)
    chosen[late] = -1
    given = (place == 0) & (store["contact"][opportunity] >= 0)
    chosen[given] = store["contact"][opportunity[given]]
    twice = ~given & (chosen >= 0) & (chosen == store["contact"][opportunity])
    chosen[twice] = -1
    new = np.flatnonzero(chosen < 0)
    chosen[new] = append_contacts(
        market, rng, account[new], np.maximum(moment[new] - 600, month_start(month) * DAY)
    )
    unnamed = place == 0
    store["contact"][opportunity[unnamed]] = chosen[unnamed]
    return chosen


def _roles(rng: np.random.Generator, store: Store, opportunity: Ints, sizes: Ints) -> Ints:
    """Role numbers; a champion is recorded in three deals of four that have one, rarely else."""
    roles = rng.integers(1, len(words.CONTACT_ROLES), len(opportunity))
    starts = np.cumsum(sizes) - sizes
    first = opportunity[starts]
    share = np.where(store["champion"][first] == 1, 0.72, 0.10)
    has = rng.random(len(first)) < share
    target = starts + rng.integers(0, 1_000, len(first)) % np.minimum(sizes, 2)
    roles[target[has]] = 0
    return roles
