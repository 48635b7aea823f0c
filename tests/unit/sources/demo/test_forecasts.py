"""Forecast calls know what their authors could know, and lean as the truth says."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from orchestration.sources.demo.clock import DAY, START_DAY, day_number, quarter_ends
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.forecasts import COMMIT, LEVELS, STYLES, forecast_calls, forecasters
from orchestration.sources.demo.hazards import WON
from orchestration.sources.demo.market import COUNTRY_CURRENCY
from orchestration.sources.demo.truth import true_forecasters

from .conftest import Demo


@pytest.fixture(scope="module")
def calls(full_world: Book) -> pl.DataFrame:
    return forecast_calls(
        full_world.true_states,
        full_world.world.deals,
        full_world.company,
        full_world.seed,
        full_world.horizon,
    )


def test_a_call_does_not_change_with_what_happens_after_it(full_world: Book, calls: pl.DataFrame):
    cut = (START_DAY + 400) * DAY
    known = full_world.true_states.filter(pl.col("moment") < cut)
    then = forecast_calls(
        known, full_world.world.deals, full_world.company, full_world.seed, full_world.horizon
    )
    before = pl.col("monday") * DAY < cut
    assert then.filter(before).equals(calls.filter(before))
    assert not then.equals(calls)


def test_who_is_in_office_calls_for_the_quarter_and_in_its_last_weeks_for_the_next(
    full_world: Book, calls: pl.DataFrame
):
    company = full_world.company
    monday, user = calls["monday"].to_numpy(), calls["submitter"].to_numpy()
    assert (monday % 7 == START_DAY % 7).all()  # the first export day is a Monday
    assert (company.hired[user] <= monday * DAY).all()
    assert (company.left[user] > monday * DAY).all()
    own = calls.filter(~pl.col("is_override"))
    assert (own["submitter"] == own["subject"]).all()
    days = (own["ends"] - own["monday"]).to_numpy()
    next_quarter = own["starts"].to_numpy() > own["monday"].to_numpy()
    assert (days[~next_quarter] <= 92).all()
    assert ((own["starts"] - own["monday"]).to_numpy()[next_quarter] <= 21).all()
    assert (quarter_ends(own["starts"].to_numpy()) == own["ends"].to_numpy()).all()


def test_some_weeks_are_missed_and_some_calls_revised(full_world: Book, calls: pl.DataFrame):
    executives = np.flatnonzero(forecasters(full_world.company, 7).level == 0)
    own = calls.filter(
        pl.col("subject").is_in(executives) & (pl.col("category") == COMMIT)
        & ~pl.col("is_override") & (pl.col("ahead") == 0)
    )  # fmt: skip
    weeks = own.group_by("monday", "subject").len()
    assert 0.03 < weeks.filter(pl.col("len") == 2).height / weeks.height < 0.12
    company = full_world.company
    due = sum(
        ((company.hired[executives] <= day * DAY) & (company.left[executives] >= (day + 1) * DAY))
        .astype(int)
        .sum()
        for day in own["monday"].unique()
    )
    assert 0.02 < 1 - weeks.height / due < 0.07


def test_leanings_show_against_what_came_and_fade_towards_the_end(
    full_world: Book, calls: pl.DataFrame
):
    last = full_world.true_states.group_by("opportunity", maintain_order=True).last()
    won = last.filter((pl.col("stage") == WON) & ~pl.col("deleted"))
    won = won.with_columns(ends=pl.Series(quarter_ends(won["close_day"].cast(int).to_numpy())))
    people = forecasters(full_world.company, full_world.seed)
    american = np.flatnonzero(np.array(full_world.company.users.region) == 0)  # calls in dollars
    dollars = np.array([1.0, 0.925, 0.79, 156.0, 1.505])
    country = full_world.world.deals.opportunities["country"][won["opportunity"].to_numpy()]
    actual = (
        won.with_columns(usd=won["amount"] / pl.Series(dollars[COUNTRY_CURRENCY[country]]))
        .group_by(pl.col("owner").cast(pl.Int64).alias("subject"), "ends")
        .agg(pl.col("usd").fill_nan(0.0).sum())
    )
    commits = calls.filter(
        (pl.col("category") == COMMIT)
        & ~pl.col("is_override")
        & pl.col("subject").is_in(american)
        & (pl.col("ends") < START_DAY + 700)
    ).join(actual, on=["subject", "ends"])
    commits = commits.with_columns(
        style=pl.Series(people.style[commits["subject"].to_numpy()]),
        executive=pl.Series(people.level[commits["subject"].to_numpy()] == 0),
        stays=pl.Series(full_world.company.left[commits["subject"].to_numpy()])
        > pl.col("ends") * DAY,
        left=pl.col("ends") - pl.col("monday"),
    ).filter("executive", "stays")

    def leaning(style: str, least: int, most: int) -> float:
        rows = commits.filter(
            (pl.col("style") == STYLES.index(style)) & pl.col("left").is_between(least, most)
        )
        return float(rows["amount"].to_numpy().sum() / rows["usd"].to_numpy().sum()) - 1

    assert leaning("sandbagger", 28, 90) < -0.15
    assert leaning("optimist", 28, 90) > 0.15
    assert abs(leaning("scattered", 28, 90)) < 0.15
    assert abs(leaning("sandbagger", 0, 6)) < 0.5 * abs(leaning("sandbagger", 28, 90))


def test_the_export_names_managers_and_people_who_are_in_the_truth(demo: Demo, full_world: Book):
    rows = demo.salesforce("ForecastSubmission__c").unique(["Id", "SystemModstamp"])
    truth = pl.read_parquet(demo.truth / "forecasters.parquet")
    assert set(rows["OwnerId"]) | set(rows["SubmittedFor__c"]) <= set(truth["user_id"])
    managers = demo.salesforce("User").select("Id", "ManagerId").drop_nulls().unique()
    overrides = rows.filter(pl.col("IsOverride__c") == "true")
    assert overrides.height > 20
    assert overrides.join(
        managers, left_on=["SubmittedFor__c", "OwnerId"], right_on=["Id", "ManagerId"], how="anti"
    ).is_empty()
    everybody = true_forecasters(full_world, day_number(date(2026, 6, 30)))
    assert everybody["role"].n_unique() == len(LEVELS)
    assert set(everybody["style"]) == set(STYLES)
    assert (everybody.filter(pl.col("style") == "sandbagger")["bias"] < 1).all()
    assert (everybody.filter(pl.col("style") == "optimist")["bias"] > 1).all()
