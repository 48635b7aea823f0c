"""What contracts bring in: when their renewal comes up, how it ends, for how much, and what else
their accounts buy meanwhile.

A contract waits until its renewal is opened (a hazard by its age: terms show as peaks), then the
renewal is won or lost (two competing hazards by its age). A won one begins the next contract, worth
the old amount times a ratio drawn from those that were seen. Further purchases come at a constant
rate. All parts are life tables, so that the value of years can be drawn from a short history, and
the uncertainty of the tables is carried by a bootstrap over accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.features.account_deals import mean

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

OPENING_BIN_DAYS, OPENING_BINS = 15, 80
CLOSING_BIN_DAYS, CLOSING_BINS = 10, 30
PRIOR_EXPOSURE = 4.0
FEW_AT_RISK = 15.0
TAIL_FROM = 28
"""Bin (after 420 days, past the usual first term) from which thin opening bins share a hazard."""
RATIO_BOUNDS = (0.2, 5.0)
MOST_RATIOS = 2_000
MOST_TERMS = 8
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True)
class LifeTables:
    """The parameters of one fit.

    Attributes:
        opening: chance that the renewal is opened within a bin of the contract's age, given that it
            was not before, shape (80,).
        won, lost: chances that an open renewal ends so within a bin of its age, shape (30,).
        purchase_rate: further purchases of a customer's account a day.
        return_rate: purchases a day of an account whose contracts have all ended.
    """

    opening: Array
    won: Array
    lost: Array
    purchase_rate: float
    return_rate: float


@dataclass(frozen=True)
class Book:
    """Contracts and accounts to draw the future of, at the end of one day.

    Attributes:
        accounts: account ids, ascending.
        typical: mean amount of each account's purchases, shape (accounts,).
        is_customer: whether it has a running contract, shape (accounts,).
        account: position in `accounts` of each running contract, shape (contracts,).
        age: days since each contract began; NaN where that is unknown.
        renewing: days since its renewal was opened; NaN where it is not.
        amount: its amount; that of the account where unknown.
    """

    accounts: Sequence[str]
    typical: Array
    is_customer: NDArray[np.bool_]
    account: Ints
    age: Array
    renewing: Array
    amount: Array


@dataclass(frozen=True)
class RenewalProcess:
    """Life tables of contracts with their bootstrap, and what was seen of amounts.

    Attributes:
        tables: fitted on everything.
        resampled: fitted on accounts drawn with replacement.
        renewal_ratios: amounts of renewals by the amounts of the contracts they followed.
        purchase_ratios: amounts of further purchases by the mean amount of their account.
    """

    tables: LifeTables
    resampled: tuple[LifeTables, ...]
    renewal_ratios: Array
    purchase_ratios: Array

    @classmethod
    def fit(
        cls,
        contracts: pl.DataFrame,
        purchases: pl.DataFrame,
        clock: date,
        *,
        replicates: int,
        seed: int,
    ) -> Self:
        """Learn from contracts and purchases as they were known at the end of a day.

        Args:
            contracts: rows of `contracts_from_deals` of that day.
            purchases: customer_id, purchased_on, amount, is_contract (whether it began a contract
                as a renewal, or as the account's first purchase).
            clock: the day.
            replicates: number of bootstrap fits.
            seed: of the bootstrap.
        """
        counts = _Counts.of(contracts, purchases, clock)
        generator = np.random.default_rng(seed)
        share = np.full(counts.accounts, 1.0 / max(counts.accounts, 1))
        resampled = tuple(
            counts.tables(generator.multinomial(counts.accounts, share).astype(np.float64))
            for _ in range(replicates if counts.accounts else 0)
        )
        return cls(
            tables=counts.tables(np.ones(counts.accounts)),
            resampled=resampled,
            renewal_ratios=counts.renewal_ratios,
            purchase_ratios=counts.purchase_ratios,
        )

    def simulate(
        self, book: Book, horizons: Sequence[int], draws: int, seed: int
    ) -> dict[int, Array]:
        """Draw what each account will buy.

        Args:
            book: whose future.
            horizons: days ahead.
            draws: futures per bootstrap fit.
            seed: of the draws.

        Returns:
            Horizon → amounts bought within it, shape (accounts, fits * draws).
        """
        generator = np.random.default_rng(seed)
        parts = [
            self._futures(book, tables, sorted(horizons), draws, generator)
            for tables in self.resampled or (self.tables,)
        ]
        return {
            horizon: np.concatenate([part[place] for part in parts], axis=1)
            for place, horizon in enumerate(sorted(horizons))
        }

    def probability_lost(self, age: Array, renewing: Array, horizon: int) -> Array:
        """Chance that each contract is lost within a horizon by the tables alone, shape (n,).

        What the calendar says: the contract's age, and that of its renewal where it is open. A
        contract that is renewed meanwhile begins again.
        """
        days = np.arange(0, horizon, CLOSING_BIN_DAYS)
        return _loss_curves(self.tables, age, renewing, len(days))[:, -1]

    def probability_closed(self, renewing: Array, horizon: int) -> Array:
        """Chance that each open renewal is won or lost within a horizon, shape (n,).

        Args:
            renewing: days since each was opened.
            horizon: days ahead.
        """
        open_still = _survival(self.tables.won + self.tables.lost)
        ages = np.arange(len(open_still)) * CLOSING_BIN_DAYS
        now = np.interp(renewing, ages, open_still)
        return 1 - np.interp(renewing + horizon, ages, open_still) / np.maximum(now, 1e-12)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "tables": _tables_as_dict(self.tables),
            "resampled": [_tables_as_dict(tables) for tables in self.resampled],
            "renewal_ratios": self.renewal_ratios.tolist(),
            "purchase_ratios": self.purchase_ratios.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """What `as_dict` gave."""
        resampled: list[Mapping[str, object]] = values["resampled"]  # pyright: ignore
        return cls(
            tables=_tables_from_dict(values["tables"]),  # pyright: ignore
            resampled=tuple(_tables_from_dict(each) for each in resampled),
            renewal_ratios=np.array(values["renewal_ratios"], dtype=np.float64),
            purchase_ratios=np.array(values["purchase_ratios"], dtype=np.float64),
        )

    def _futures(
        self,
        book: Book,
        tables: LifeTables,
        horizons: Sequence[int],
        draws: int,
        generator: np.random.Generator,
    ) -> list[Array]:
        """Amounts by account and draw, for each horizon."""
        last = horizons[-1]
        shape = (len(book.age), draws)
        bought = [np.zeros((len(book.accounts), draws)) for _ in horizons]
        moment = np.zeros(shape)
        age = np.broadcast_to(np.nan_to_num(book.age)[:, None], shape).copy()
        renewing = np.broadcast_to(book.renewing[:, None], shape).copy()
        amount = np.broadcast_to(book.amount[:, None], shape).copy()
        ended = np.full(shape, np.inf)
        going = np.ones(shape, dtype=bool)
        opening = _survival(tables.opening)
        closing = _survival(tables.won + tables.lost)
        share_won = tables.won / np.maximum(tables.won + tables.lost, 1e-12)
        for _ in range(MOST_TERMS):
            row, draw = np.nonzero(going)
            if not len(row):
                break
            waits = np.isnan(renewing[row, draw])
            opens = np.where(
                waits,
                _drawn(opening, np.where(waits, age[row, draw], 0.0), OPENING_BIN_DAYS, generator)
                - age[row, draw],
                0.0,
            )
            since = np.where(waits, 0.0, np.nan_to_num(renewing[row, draw]))
            closes = _drawn(closing, since, CLOSING_BIN_DAYS, generator)
            place = np.minimum(closes // CLOSING_BIN_DAYS, CLOSING_BINS - 1).astype(np.int64)
            is_won = generator.random(len(row)) < share_won[place]
            at = moment[row, draw] + opens + closes - since
            seen = at <= last
            renewed, lost = is_won & seen, ~is_won & seen
            ended[row[lost], draw[lost]] = at[lost]
            ratio = generator.choice(self.renewal_ratios, len(row))
            won_row, won_draw = row[renewed], draw[renewed]
            amount[won_row, won_draw] *= ratio[renewed]
            for horizon, total in zip(horizons, bought, strict=True):
                within = at[renewed] <= horizon
                np.add.at(
                    total,
                    (book.account[won_row[within]], won_draw[within]),
                    amount[won_row[within], won_draw[within]],
                )
            moment[won_row, won_draw] = at[renewed]
            age[won_row, won_draw] = 0.0
            renewing[won_row, won_draw] = np.nan
            going[:] = False
            going[won_row, won_draw] = True
        self._add_purchases(book, tables, horizons, ended, bought, generator)
        return bought

    def _add_purchases(
        self,
        book: Book,
        tables: LifeTables,
        horizons: Sequence[int],
        ended: Array,
        bought: list[Array],
        generator: np.random.Generator,
    ) -> None:
        """Further purchases while an account is a customer, and returns after it was one."""
        until = np.zeros((len(book.accounts), ended.shape[1]))
        np.maximum.at(until, book.account, ended)
        before = 0.0
        total = np.zeros_like(until)
        for horizon, sums in zip(horizons, bought, strict=True):
            as_customer = np.clip(until, before, horizon) - before
            afterwards = (horizon - before) - as_customer
            count = generator.poisson(
                tables.purchase_rate * as_customer + tables.return_rate * afterwards
            )
            account, draw = np.nonzero(count)
            each = count[account, draw]
            drawn = generator.choice(self.purchase_ratios, int(each.sum()))
            owner = np.repeat(np.arange(len(each)), each)
            spent = np.bincount(owner, drawn, minlength=len(each)) * book.typical[account]
            total[account, draw] += spent
            np.add(sums, total, out=sums)
            before = float(horizon)


@dataclass(frozen=True)
class _Counts:
    """Events and exposure by account, from which tables are made for any weights of accounts."""

    accounts: int
    opening_account: Ints
    opening_bin: Ints
    is_opened: NDArray[np.bool_]
    closing_account: Ints
    closing_bin: Ints
    outcome: Ints
    purchases: Array
    customer_days: Array
    returns: Array
    former_days: Array
    renewal_ratios: Array
    purchase_ratios: Array

    @classmethod
    def of(cls, contracts: pl.DataFrame, purchases: pl.DataFrame, clock: date) -> Self:
        names = pl.concat([contracts["account_id"], purchases["customer_id"]]).unique().sort()
        number = pl.DataFrame({"account_id": names}).with_row_index("account")
        known = contracts.join(number, on="account_id", how="left").with_columns(
            pl.col("account").cast(pl.Int64),
            begins=pl.col("started_on").fill_null(pl.col("renewal_opened_on")),
            ends=pl.col("renewal_closed_on").fill_null(clock),
            wait=(pl.col("renewal_opened_on").fill_null(clock) - pl.col("started_on"))
            .dt.total_days(),
            renewing=(
                pl.col("renewal_closed_on").fill_null(clock) - pl.col("renewal_opened_on")
            ).dt.total_days(),
        )  # fmt: skip
        waited = known.filter(pl.col("wait").is_not_null())
        renewed = known.filter(pl.col("renewing").is_not_null())
        count = len(names)
        days = np.zeros(count)
        spans = known.filter(pl.col("begins") <= pl.col("ends"))
        customer_days, lifetime = _customer_days(spans, clock, count)
        bought = purchases.join(number, left_on="customer_id", right_on="account_id", how="left")
        other = bought.filter(~pl.col("is_contract")).join(
            _last_end(known), left_on="customer_id", right_on="account_id", how="left"
        )
        is_return = (other["purchased_on"] > other["gone_on"]).fill_null(False).to_numpy()
        place = other["account"].cast(pl.Int64).to_numpy()
        by_mean = other.join(typical_amounts(purchases), on="customer_id", how="left")
        after = contracts.filter(pl.col("started_on").is_not_null()).join(
            contracts.select("as_of_date", renewal_id="contract_id", renewed_amount="amount"),
            on=["as_of_date", "renewal_id"],
            how="inner",
        )
        return cls(
            accounts=count,
            opening_account=waited["account"].to_numpy(),
            opening_bin=np.clip(waited["wait"].to_numpy() // OPENING_BIN_DAYS, 0, OPENING_BINS - 1),
            is_opened=waited["renewal_opened_on"].is_not_null().to_numpy(),
            closing_account=renewed["account"].to_numpy(),
            closing_bin=np.clip(
                renewed["renewing"].to_numpy() // CLOSING_BIN_DAYS, 0, CLOSING_BINS - 1
            ),
            outcome=renewed.select(
                pl.when(pl.col("renewal_outcome") == "won").then(1)
                .when(pl.col("renewal_outcome") == "lost").then(2).otherwise(0)
            ).to_series().to_numpy().astype(np.int64),
            purchases=days + np.bincount(place[~is_return], minlength=count),
            customer_days=customer_days,
            returns=days + np.bincount(place[is_return], minlength=count),
            former_days=np.maximum(lifetime - customer_days, 0.0),
            renewal_ratios=_ratios(after["renewed_amount"], after["amount"]),
            purchase_ratios=_ratios(by_mean["amount"], by_mean["typical"]),
        )  # fmt: skip

    def tables(self, weight: Array) -> LifeTables:
        opening_weight = weight[self.opening_account] if len(self.opening_account) else np.zeros(0)
        closing_weight = weight[self.closing_account] if len(self.closing_account) else np.zeros(0)
        opened = _weighed(self.opening_bin, opening_weight * self.is_opened, OPENING_BINS)
        opening_exposure = _exposure(self.opening_bin, opening_weight, self.is_opened, OPENING_BINS)
        exposure = _exposure(self.closing_bin, closing_weight, self.outcome > 0, CLOSING_BINS)
        won, lost = (
            _smoothed(_weighed(self.closing_bin, closing_weight * (self.outcome == which),
                                  CLOSING_BINS), exposure)
            for which in (1, 2)
        )  # fmt: skip
        both = np.maximum(won + lost, 1e-9)
        cap = np.minimum(1.0, 0.95 / both)
        return LifeTables(
            opening=np.minimum(_with_shared_tail(opened, opening_exposure), 0.95),
            won=won * cap,
            lost=lost * cap,
            purchase_rate=float(weight @ self.purchases) / max(
                float(weight @ self.customer_days), DAYS_PER_YEAR
            ),
            return_rate=float(weight @ self.returns) / max(
                float(weight @ self.former_days), DAYS_PER_YEAR
            ),
        )  # fmt: skip


def _customer_days(spans: pl.DataFrame, clock: date, count: int) -> tuple[Array, Array]:
    """Days with a running contract, and days since the first one began, by account."""
    ordered = spans.sort("account", "begins", "ends").with_columns(
        reached=pl.col("ends").cum_max().shift(1).over("account")
    )
    days = ordered.with_columns(
        fresh=(
            pl.col("ends") - pl.max_horizontal("begins", "reached")
        ).dt.total_days().clip(lower_bound=0)
    )  # fmt: skip
    customer = _weighed(
        days["account"].to_numpy(), days["fresh"].cast(pl.Float64).to_numpy(), count
    )
    first = days.group_by("account").agg(pl.col("begins").min())
    lifetime = np.zeros(count)
    lifetime[first["account"].to_numpy()] = (
        (pl.Series([clock] * first.height) - first["begins"]).dt.total_days().to_numpy()
    )
    return customer, lifetime


def _last_end(known: pl.DataFrame) -> pl.DataFrame:
    """When the last contract of an account ended in a loss; only accounts that have none left."""
    return (
        known.group_by("account_id")
        .agg(
            runs=pl.col("renewal_outcome").is_null().any(),
            gone_on=pl.col("renewal_closed_on").filter(pl.col("renewal_outcome") == "lost").max(),
        )
        .filter(~pl.col("runs"))
        .select("account_id", "gone_on")
    )


def _weighed(bins: Ints, weight: Array, count: int) -> Array:
    """Sum of weights in each bin."""
    return np.bincount(bins, weight, count).astype(np.float64)


def _exposure(bins: Ints, weight: Array, happened: NDArray[np.bool_], count: int) -> Array:
    """Weight at risk in each bin; who is censored within a bin counts half in it."""
    leaving = _weighed(bins, weight, count)
    censored = _weighed(bins, weight * ~happened, count)
    return np.cumsum(leaving[::-1])[::-1] - censored / 2


def _smoothed(events: Array, exposure: Array) -> Array:
    """Hazards drawn towards the hazard of all bins by four bins' worth of exposure."""
    overall = events.sum() / max(exposure.sum(), 1.0)
    return (events + PRIOR_EXPOSURE * overall) / (np.maximum(exposure, 0.0) + PRIOR_EXPOSURE)


def _with_shared_tail(events: Array, exposure: Array) -> Array:
    """Opening hazards; bins with few contracts at risk share the one of all late bins."""
    hazards = _smoothed(events, exposure)
    thin = exposure < FEW_AT_RISK
    late = np.arange(len(events)) >= TAIL_FROM
    enough = late & ~thin
    pool = enough if exposure[enough].sum() >= FEW_AT_RISK else ~thin
    shared = (events[pool].sum() + 0.5) / (exposure[pool].sum() + 1.0)
    return np.where(thin, shared, hazards)


def _survival(hazards: Array) -> Array:
    """Chance to be still there at the beginning of each bin, and after the last, ascending age."""
    return np.concatenate([[1.0], np.cumprod(1.0 - hazards)])


def _drawn(survival: Array, since: Array, days: int, generator: np.random.Generator) -> Array:
    """Ages at which something happens, given that it has not by `since`; beyond the table: far."""
    position = np.minimum(since / days, len(survival) - 1)
    left = np.floor(position).astype(np.int64)
    right = np.minimum(left + 1, len(survival) - 1)
    here = survival[left] + (position - left) * (survival[right] - survival[left])
    target = here * generator.random(len(since))
    place = np.searchsorted(-survival, -target, side="left")
    inside = np.minimum(place, len(survival) - 1)
    above, below = survival[inside - 1], survival[inside]
    fraction = np.where(above > below, (above - target) / np.maximum(above - below, 1e-300), 0.5)
    age = (inside - 1 + np.clip(fraction, 0, 1)) * days
    return np.maximum(np.where(place >= len(survival), len(survival) * days * 4.0, age), since)


def _loss_curves(tables: LifeTables, age: Array, renewing: Array, steps: int) -> Array:
    """Chance that each contract has been lost after each step of ten days, shape (n, steps)."""
    days = CLOSING_BIN_DAYS
    per_step = 1 - (1 - tables.opening) ** (days / OPENING_BIN_DAYS)
    lost_after = np.cumsum(tables.lost * _survival(tables.won + tables.lost)[:-1])
    curves = np.zeros((len(age), steps))
    open_now = ~np.isnan(renewing)
    start = np.minimum(np.nan_to_num(renewing) // days, CLOSING_BINS - 1).astype(np.int64)
    alive = _survival(tables.won + tables.lost)[start]
    padded = np.concatenate([[0.0], lost_after])
    for step in range(steps):
        end = np.minimum(start + step + 1, CLOSING_BINS)
        curves[:, step] = np.where(open_now, (padded[end] - padded[start]) / alive, 0.0)
    waiting = np.where(open_now, 0.0, 1.0)
    for step in range(steps):
        place = np.minimum((np.nan_to_num(age) + step * days) // OPENING_BIN_DAYS,
                           OPENING_BINS - 1).astype(np.int64)  # fmt: skip
        opens = waiting * per_step[place]
        waiting = waiting - opens
        remaining = np.minimum(np.arange(1, steps - step + 1) - 1, CLOSING_BINS)
        curves[:, step:] += opens[:, None] * padded[remaining][None, :]
    return curves


def typical_amounts(purchases: pl.DataFrame) -> pl.DataFrame:
    """Mean amount of what began contracts, by customer: customer_id, typical."""
    return (
        purchases.filter(pl.col("is_contract") & (pl.col("amount") > 0))
        .group_by("customer_id")
        .agg(typical=mean())
        .sort("customer_id")
    )


def _ratios(amounts: pl.Series, references: pl.Series) -> Array:
    """Ratios within bounds, thinned evenly where there are many; 1 where there are none.

    They are scaled so that the references times the ratios give the sum of the amounts: large
    references tend to have small ratios, so the plain mean of the ratios would promise too much.
    """
    pairs = pl.DataFrame({"amount": amounts, "reference": references}).filter(
        (pl.col("amount") > 0) & (pl.col("reference") > 0)
    )
    if pairs.is_empty():
        return np.ones(1)
    amount, reference = pairs["amount"].to_numpy(), pairs["reference"].to_numpy()
    ratios = np.clip(amount / reference, *RATIO_BOUNDS)
    scaled = np.sort(ratios * (amount.sum() / reference.sum() / ratios.mean()))
    if len(scaled) > MOST_RATIOS:
        scaled = scaled[np.linspace(0, len(scaled) - 1, MOST_RATIOS).astype(np.int64)]
    return scaled


def _tables_as_dict(tables: LifeTables) -> dict[str, object]:
    return {
        "opening": tables.opening.tolist(),
        "won": tables.won.tolist(),
        "lost": tables.lost.tolist(),
        "purchase_rate": tables.purchase_rate,
        "return_rate": tables.return_rate,
    }


def _tables_from_dict(values: Mapping[str, object]) -> LifeTables:
    return LifeTables(
        opening=np.array(values["opening"], dtype=np.float64),
        won=np.array(values["won"], dtype=np.float64),
        lost=np.array(values["lost"], dtype=np.float64),
        purchase_rate=float(values["purchase_rate"]),  # pyright: ignore
        return_rate=float(values["return_rate"]),  # pyright: ignore
    )
