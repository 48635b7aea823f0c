"""What accounts will buy within a horizon: by contracts where there are renewals, else by BG/NBD.

Value is what an account is expected to buy (won amounts, corporate currency, not discounted, no
margin taken off) within 365 days and within three years from the day of looking.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.customers.buying import BuyingHistory, BuyingModel, purchase_summary
from ml_assets.customers.contracts import contracts_from_deals, running
from ml_assets.customers.renewing import Book, RenewalProcess, typical_amounts
from ml_assets.customers.spending import SpendingModel
from ml_assets.features.account_deals import mean, purchases_of

Array = NDArray[np.float64]
Method = Literal["contract", "bg_nbd"]

MODEL_FILE = "value.json"
DAYS_PER_WEEK = 7.0
LOW, HIGH = 0.1, 0.9
"""The interval holds what is bought in eight cases of ten."""


@dataclass(frozen=True)
class ValueSettings:
    """Parameters of a value model.

    Attributes:
        horizons: days ahead that are valued.
        replicates: bootstrap fits over customers.
        draws: futures drawn from each.
        least_renewals: closed renewals from which on a company is valued by contracts.
        least_buyers: customers with two purchases or more from which on BG/NBD is fitted.
    """

    horizons: tuple[int, ...] = (365, 1095)
    replicates: int = 20
    draws: int = 20
    least_renewals: int = 60
    least_buyers: int = 30


@dataclass(frozen=True)
class History:
    """What was known of customers at the end of one day.

    Attributes:
        clock: the day.
        purchases: customer_id, purchased_on, amount, is_contract.
        contracts: rows of `contracts_from_deals`; empty where contracts are not known.
    """

    clock: date
    purchases: pl.DataFrame
    contracts: pl.DataFrame

    @property
    def renewal_count(self) -> int:
        """Renewals that had been won or lost."""
        return self.contracts["renewal_outcome"].drop_nulls().len()

    @property
    def customers(self) -> pl.Series:
        """Accounts that had bought or have a contract, ascending."""
        return (
            pl.concat([self.purchases["customer_id"], running(self.contracts)["account_id"]])
            .unique()
            .sort()
        )


def history_of(deals: pl.DataFrame, clock: date) -> History:
    """The history of one day from the rows of `account_deals`."""
    of_day = deals.filter(pl.col("as_of_date") == clock)
    purchases = (
        purchases_of(of_day)
        .with_columns(
            type=of_day.filter("is_won")["opportunity_type"].fill_null(""),
            first=pl.col("purchased_on").min().over("customer_id"),
        )
        .select(
            "customer_id",
            "purchased_on",
            "amount",
            is_contract=(pl.col("type") == "renewal") | (pl.col("purchased_on") == pl.col("first")),
        )
        .sort("customer_id", "purchased_on", "amount")
    )
    return History(clock, purchases, contracts_from_deals(of_day))


class ValueModel:
    """A fitted model of what customers will buy."""

    def __init__(
        self,
        settings: ValueSettings,
        seed: int,
        *,
        process: RenewalProcess | None = None,
        buying: Sequence[BuyingModel] = (),
        spending: Sequence[SpendingModel] = (),
    ) -> None:
        self.settings = settings
        self.seed = seed
        self.process = process
        self.buying = tuple(buying)
        self.spending = tuple(spending)

    @property
    def method(self) -> Method:
        """contract or bg_nbd."""
        return "contract" if self.process is not None else "bg_nbd"

    @classmethod
    def fit(
        cls, history: History, settings: ValueSettings, seed: int, method: Method | None = None
    ) -> Self | None:
        """Learn from a day's history; None where there is too little to learn from.

        Args:
            history: what was known.
            settings: parameters.
            seed: of bootstrap and draws.
            method: how; by default by contracts if enough renewals have closed.
        """
        if method is None:
            enough = history.renewal_count >= settings.least_renewals
            method = "contract" if enough else "bg_nbd"
        if method == "contract":
            if history.renewal_count < settings.least_renewals:
                return None
            process = RenewalProcess.fit(
                history.contracts,
                history.purchases,
                history.clock,
                replicates=settings.replicates,
                seed=seed,
            )
            return cls(settings, seed, process=process)
        summary = purchase_summary(history.purchases, history.clock)
        paying = summary.filter(pl.col("mean_amount") > 0)
        repeats = summary.filter(pl.col("repeat_count") > 0).height
        if min(repeats, paying.height) < settings.least_buyers:
            return None
        buying, spending = _bootstrapped(summary, paying, settings.replicates, seed)
        return cls(settings, seed, buying=buying, spending=spending)

    def predict(self, history: History, horizons: Sequence[int] | None = None) -> pl.DataFrame:
        """Value of every customer.

        Args:
            history: as of the day of looking, which may be later than that of the fit.
            horizons: days ahead; those of the settings if not given.

        Returns:
            account_id and for each horizon h value_<h>d (expected), value_<h>d_low and
            value_<h>d_high (tenth and ninetieth hundredth of what may be bought); and
            alive_probability: by BG/NBD that the customer has not left, by contracts whether one
            runs. Sorted by account_id.
        """
        chosen = sorted(horizons or self.settings.horizons)
        if self.process is not None:
            return self._by_contract(history, chosen)
        return self._by_purchases(history, chosen)

    def save(self, folder: Path) -> None:
        """Write the parameters as text into an existing folder."""
        content = {
            "settings": {**self.settings.__dict__, "horizons": list(self.settings.horizons)},
            "seed": self.seed,
            "process": None if self.process is None else self.process.as_dict(),
            "buying": [model.as_dict() for model in self.buying],
            "spending": [model.as_dict() for model in self.spending],
        }
        text = json.dumps(content, sort_keys=True)
        (folder / MODEL_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no value model.
        """
        path = folder / MODEL_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"No {MODEL_FILE} in {folder}: the model was moved or never finished. Train again."
            )
        content = json.loads(path.read_text(encoding="utf-8"))
        settings = content["settings"]
        settings["horizons"] = tuple(settings["horizons"])
        return cls(
            ValueSettings(**settings),
            content["seed"],
            process=content["process"] and RenewalProcess.from_dict(content["process"]),
            buying=[BuyingModel.from_dict(each) for each in content["buying"]],
            spending=[SpendingModel.from_dict(each) for each in content["spending"]],
        )

    def _by_contract(self, history: History, horizons: Sequence[int]) -> pl.DataFrame:
        assert self.process is not None
        book = book_of(history)
        futures = self.process.simulate(book, horizons, self.settings.draws, self.seed)
        columns: dict[str, object] = {
            "account_id": list(book.accounts),
            "alive_probability": book.is_customer.astype(np.float64),
        }
        for horizon in horizons:
            columns |= _summarised(horizon, futures[horizon].mean(axis=1), futures[horizon])
        return pl.DataFrame(columns).sort("account_id")

    def _by_purchases(self, history: History, horizons: Sequence[int]) -> pl.DataFrame:
        summary = purchase_summary(history.purchases, history.clock)
        known = BuyingHistory.of(summary, DAYS_PER_WEEK)
        count = summary["repeat_count"].to_numpy() + 1.0
        amount = summary["mean_amount"].to_numpy()
        count = np.where(amount > 0, count, 0.0)
        buying, spending = self.buying[0], self.spending[0]
        typical = spending.expected_amount(count, amount)
        generator = np.random.default_rng(self.seed)
        columns: dict[str, object] = {
            "account_id": summary["customer_id"],
            "alive_probability": buying.probability_alive(known),
        }
        for horizon in horizons:
            weeks = horizon / DAYS_PER_WEEK
            draws = [
                amounts.simulate(count, amount, times.simulate(known, weeks, generator), generator)
                for times, amounts in zip(self.buying[1:], self.spending[1:], strict=True)
                for _ in range(self.settings.draws)
            ]
            expected = buying.expected_purchases(known, weeks) * typical
            columns |= _summarised(horizon, expected, np.stack(draws, axis=1))
        return pl.DataFrame(columns).sort("account_id")


def book_of(history: History) -> Book:
    """Contracts and accounts of a day, as the renewal process takes them."""
    accounts = history.customers
    number = pl.DataFrame({"account_id": accounts}).with_row_index("account")
    means = typical_amounts(history.purchases)
    typical = means.select(mean("typical")).item()
    open_contracts = running(history.contracts).join(number, on="account_id", how="left")
    by_account = (
        number.join(means, left_on="account_id", right_on="customer_id", how="left")
        .join(
            open_contracts.group_by("account_id").agg(under_contract=mean()),
            on="account_id",
            how="left",
        )
        .with_columns(typical=pl.coalesce("typical", "under_contract").fill_null(typical or 0.0))
        .sort("account_id")
    )
    with_amount = open_contracts.join(
        by_account.select("account_id", "typical"), on="account_id", how="left"
    ).sort("account_id", "contract_id")
    place = with_amount["account"].cast(pl.Int64).to_numpy()
    return Book(
        accounts=accounts.to_list(),
        typical=by_account["typical"].to_numpy(),
        is_customer=np.bincount(place, minlength=len(accounts)) > 0,
        account=place,
        age=_days(with_amount["started_on"], history.clock),
        renewing=_days(with_amount["renewal_opened_on"], history.clock),
        amount=with_amount["amount"].fill_null(with_amount["typical"]).to_numpy(),
    )


def _days(since: pl.Series, until: date) -> Array:
    return (until - since).dt.total_days().cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _summarised(horizon: int, expected: Array, draws: Array) -> dict[str, object]:
    low, high = np.quantile(draws, (LOW, HIGH), axis=1)
    return {
        f"value_{horizon}d": expected,
        f"value_{horizon}d_low": np.minimum(low, expected),
        f"value_{horizon}d_high": np.maximum(high, expected),
    }


def _bootstrapped(
    summary: pl.DataFrame, paying: pl.DataFrame, replicates: int, seed: int
) -> tuple[list[BuyingModel], list[SpendingModel]]:
    """The fit to all customers, then fits to customers drawn with replacement."""
    history = BuyingHistory.of(summary, DAYS_PER_WEEK)
    count = paying["repeat_count"].to_numpy() + 1.0
    amount = paying["mean_amount"].to_numpy()
    buying = [BuyingModel.fit(history)]
    spending = [SpendingModel.fit(count, amount)]
    generator = np.random.default_rng(seed)
    position = summary.with_row_index().filter(pl.col("mean_amount") > 0)["index"].to_numpy()
    for _ in range(replicates):
        weight = generator.multinomial(
            summary.height, np.full(summary.height, 1 / summary.height)
        ).astype(np.float64)
        buying.append(BuyingModel.fit(history, weight=weight, start=buying[0]))
        spending.append(SpendingModel.fit(count, amount, weight=weight[position]))
    return buying, spending
