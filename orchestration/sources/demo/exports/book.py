"""What every export looks up: identifiers, names and addresses of the world's entities."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, NEVER, START_TS, month_start
from orchestration.sources.demo.identifiers import salesforce_ids, taken
from orchestration.sources.demo.ledger import kept, opportunity_states, with_bad_versions
from orchestration.sources.demo.quotes import Quotes, draw_quotes
from orchestration.sources.demo.reorganisations import Reorganisations
from orchestration.sources.demo.streams import Array, Ints, scrambled
from orchestration.sources.demo.world import World

INTEGRATION_USER = 1  # the Sales Operations seat is filled right after the CRO's


class Book:
    """Lookups over a world; everything is computed when first needed and kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seed = world.seed
        self.company = world.company
        self.horizon = month_start(world.last_month + 1) * DAY
        self._kept: dict[str, tuple[pl.DataFrame, Ints]] = {}

    def period(
        self, name: str, build: Callable[["Book"], pl.DataFrame], first: int, last: int
    ) -> pl.DataFrame:
        """The rows of an object whose export day lies between `first` and `last`.

        All of the object's rows are built when first needed and kept, sorted by export day.
        """
        if name not in self._kept:
            frame = build(self).sort("_day", maintain_order=True)
            self._kept[name] = (frame, frame["_day"].to_numpy())
        frame, days = self._kept[name]
        start, stop = np.searchsorted(days, [first, last + 1])
        return frame.slice(int(start), int(stop - start))

    @cached_property
    def quotes(self) -> Quotes:
        """Product lines and amounts."""
        return draw_quotes(self.world.deals, self.seed)

    @cached_property
    def reorganisations(self) -> Reorganisations:
        """Seats that move to another team and accounts that move to another territory."""
        return Reorganisations(self.company, self.world.market.accounts, self.seed)

    @cached_property
    def account_seats(self) -> pl.DataFrame:
        """Whose territory each account is in: row, seat, place (0 for the first), since, until
        (when it moves on, or NEVER) and released (when the assignment ends in the CRM)."""
        accounts, moves = self.world.market.accounts, self.reorganisations.account_moves
        gone = np.minimum(accounts["merged"], accounts["deleted"])
        first = pl.DataFrame(
            {
                "row": np.arange(len(accounts), dtype=np.int64),
                "seat": accounts["seat"],
                "since": accounts["created"],
            }
        )
        later = pl.DataFrame({"row": moves.account, "seat": moves.target, "since": moves.moment})
        ended = pl.DataFrame({"row": moves.account, "until": moves.moment, "end": moves.released})
        ended = ended.with_columns(place=pl.int_range(pl.len()).over("row"))
        seats = (
            pl.concat([first, later])
            .sort("row", "since", maintain_order=True)
            .with_columns(place=pl.int_range(pl.len()).over("row"))
            .join(ended, on=["row", "place"], how="left", maintain_order="left")
        )
        gone = pl.Series(gone[seats["row"].to_numpy()])
        return seats.with_columns(
            until=pl.min_horizontal(pl.col("until").fill_null(NEVER), gone),
            released=pl.min_horizontal(pl.col("end").fill_null(NEVER), gone),
        ).drop("end")

    @cached_property
    def true_states(self) -> pl.DataFrame:
        """Opportunity states without bad versions."""
        return opportunity_states(self.world.deals, self.company, self.quotes, self.seed)

    @cached_property
    def states(self) -> pl.DataFrame:
        """Opportunity states with bad versions between them."""
        return with_bad_versions(self.true_states, self.world.deals, self.seed)

    @cached_property
    def opportunities(self) -> pl.Series:
        """Numbers of the opportunities that the CRM knows."""
        return kept(self.world.deals)

    @cached_property
    def is_known_opportunity(self) -> Array:
        """Per opportunity number, whether the CRM knows it."""
        known = np.zeros(len(self.world.deals.opportunities), dtype=bool)
        known[self.opportunities.to_numpy()] = True
        return known

    @cached_property
    def is_known_lead(self) -> Array:
        """Per lead number, whether the CRM knows it: alive on the first day or later, or converted
        into an opportunity that the CRM knows."""
        leads = self.world.demand.leads
        end = np.minimum(np.minimum(leads["end"], leads["deleted"]), leads["merged"])
        deal = leads["to_opportunity"]
        kept_deal = (deal >= 0) & self.is_known_opportunity[np.maximum(deal, 0)]
        original = np.where(leads["origin"] >= 0, leads["origin"], np.arange(len(leads)))
        alive = (end >= START_TS) | kept_deal
        return alive & alive[original]

    def ids(self, kind: str, numbers: Array) -> pl.Series:
        """Salesforce ids of entity numbers; a negative number gives null."""
        return salesforce_ids(kind, numbers.astype(np.int64))

    @cached_property
    def user_ids(self) -> pl.Series:
        """Ids by user number."""
        return self.ids("User", np.arange(len(self.company.emails)))

    @cached_property
    def user_emails(self) -> pl.Series:
        """Work addresses by user number."""
        return pl.Series(self.company.emails)

    @cached_property
    def user_offsets(self) -> Ints:
        """Hours from UTC by user number."""
        regions = np.array(self.company.users.region, dtype=np.int64)
        return np.array(words.REGION_OFFSETS, dtype=np.int64)[regions]

    @cached_property
    def account_ids(self) -> pl.Series:
        """Ids by account number."""
        return self.ids("Account", np.arange(len(self.world.market.accounts)))

    @cached_property
    def contact_ids(self) -> pl.Series:
        """Ids by contact number."""
        return self.ids("Contact", np.arange(len(self.world.market.contacts)))

    @cached_property
    def lead_ids(self) -> pl.Series:
        """Ids by lead number."""
        return self.ids("Lead", np.arange(len(self.world.demand.leads)))

    @cached_property
    def opportunity_ids(self) -> pl.Series:
        """Ids by opportunity number."""
        return self.ids("Opportunity", np.arange(len(self.world.deals.opportunities)))

    @cached_property
    def campaign_ids(self) -> pl.Series:
        """Ids by campaign number."""
        return self.ids("Campaign", self.world.demand.campaigns["serial"])

    @cached_property
    def campaign_names(self) -> pl.Series:
        """Names by campaign number."""
        campaigns = self.world.demand.campaigns
        kinds = pl.Series([label for _, label in words.CAMPAIGN_TYPES])
        frame = pl.DataFrame({"starts": campaigns["starts"], "serial": campaigns["serial"]})
        day = pl.col("starts").cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m")
        label = taken(kinds, campaigns["kind"])
        return frame.select(
            pl.concat_str(day, pl.lit(" "), label, pl.lit(" #"), pl.col("serial").cast(pl.String))
        ).to_series()

    def company_names(self, numbers: Array) -> pl.Series:
        """Company names without legal form, by name number."""
        heads, tails, types, block = _name_parts(numbers)
        extra = pl.Series(["", " Group", " Holdings", " International", " Global", " One"])
        return (
            taken(pl.Series(words.COMPANY_HEADS), heads)
            + taken(pl.Series(words.COMPANY_TAILS), tails)
            + " "
            + taken(pl.Series(words.COMPANY_TYPES), types)
            + taken(extra, block)
        )

    def domains(self, numbers: Array) -> pl.Series:
        """Company domains (reserved top-level domain), by name number."""
        heads, tails, types, block = _name_parts(numbers)
        extra = pl.Series(["", "-group", "-hold", "-intl", "-global", "-one"])
        return (
            taken(pl.Series(words.COMPANY_HEADS).str.to_lowercase(), heads)
            + taken(pl.Series(words.COMPANY_TAILS), tails)
            + "-"
            + taken(pl.Series(words.COMPANY_TYPES).str.to_lowercase(), types)
            + taken(extra, block)
            + ".example"
        )

    def addresses(self, first: Array, last: Array, name: Array) -> pl.Series:
        """E-mail addresses of people of a company."""
        firsts = pl.Series([words.ascii_of(word) for word in words.FIRST_NAMES])
        lasts = pl.Series([words.ascii_of(word) for word in words.LAST_NAMES])
        return taken(firsts, first) + "." + taken(lasts, last) + "@" + self.domains(name)

    @cached_property
    def account_names(self) -> pl.Series:
        """Names as they stand in the CRM, by account number; duplicates are spelt differently."""
        accounts = self.world.market.accounts
        forms = pl.Series([words.LEGAL_FORMS[country[0]] for country in words.COUNTRIES])
        plain = self.company_names(accounts["name"])
        frame = pl.DataFrame(
            {"n": plain, "f": taken(forms, accounts["country"]), "v": accounts["variant"]}
        )
        n, f = pl.col("n"), pl.col("f")
        return frame.select(
            pl.when(pl.col("v") == 0)
            .then(n + " " + f)
            .when(pl.col("v") == 1)
            .then(n.str.to_uppercase() + ", " + f.str.replace_all(".", "", literal=True))
            .when(pl.col("v") == 2)
            .then(n)
            .otherwise(n.str.replace(" ", "  ", literal=True) + " " + f.str.to_lowercase())
        ).to_series()

    @cached_property
    def contact_emails(self) -> pl.Series:
        """Addresses by contact number (the true ones, as mail systems know them)."""
        contacts, accounts = self.world.market.contacts, self.world.market.accounts
        name = accounts["name"][contacts["account"]]
        return self.addresses(contacts["first"], contacts["last"], name)

    @cached_property
    def lead_emails(self) -> pl.Series:
        """Addresses by lead number (the true ones)."""
        leads = self.world.demand.leads
        return self.addresses(leads["first"], leads["last"], leads["name"])

    def phones(self, country: Array, numbers: Array) -> pl.Series:
        """Telephone numbers: the country's fictitious prefix and four digits of the record."""
        prefixes = pl.Series([entry[5] for entry in words.COUNTRIES])
        digits = (scrambled(numbers.astype(np.int64), self.seed, "phone") % 1_000_000).astype(
            np.int64
        )
        return taken(prefixes, country) + " " + pl.Series(digits).cast(pl.String).str.zfill(6)

    @cached_property
    def contact_phones(self) -> pl.Series:
        """Telephone numbers by contact number."""
        contacts, accounts = self.world.market.contacts, self.world.market.accounts
        country = accounts["country"][contacts["account"]]
        return self.phones(country, np.arange(len(contacts)))

    @cached_property
    def lead_phones(self) -> pl.Series:
        """Telephone numbers by lead number; a converted person keeps the lead's number."""
        leads = self.world.demand.leads
        return self.phones(leads["country"], 50_000_000 + np.arange(len(leads)))

    def survivors(self, accounts: Array, moments: Array) -> Ints:
        """The accounts themselves, or the original where a duplicate was merged by then."""
        store = self.world.market.accounts
        merged = store["merged"][accounts] <= moments
        return np.where(merged, store["origin"][accounts], accounts).astype(np.int64)

    def owner_changes(
        self, key: str, rows: Array, seats: Array, since: Array, until: Array
    ) -> pl.DataFrame:
        """Events in which the seat of a record gets another owner within the record's life.

        Returns a frame with columns `key`, moment and owner.
        """
        company = self.company
        changes = pl.DataFrame(
            {
                "seat": company.timeline_keys >> 32,
                "moment": company.timeline_keys & 0xFFFFFFFF,
                "owner": company.timeline_users,
            }
        ).filter((pl.col("moment") > START_TS) & (pl.col("moment") < self.horizon))
        records = pl.DataFrame({key: rows, "seat": seats, "since": since, "until": until})
        joined = records.join(changes, on="seat", how="inner", maintain_order="left_right")
        within = (pl.col("moment") > pl.col("since")) & (pl.col("moment") < pl.col("until"))
        return joined.filter(within).select(key, "moment", "owner")


def _name_parts(numbers: Array) -> tuple[Ints, Ints, Ints, Ints]:
    """Spread name numbers over heads, tails and types so that neighbours look unlike."""
    heads, tails, types = map(len, (words.COMPANY_HEADS, words.COMPANY_TAILS, words.COMPANY_TYPES))
    space = heads * tails * types
    block, inner = np.divmod(numbers.astype(np.int64), space)
    mixed = (inner * 104_729 + 7_919) % space
    rest, kind = np.divmod(mixed, types)
    head, tail = np.divmod(rest, tails)
    return head, tail, kind, block % 6
