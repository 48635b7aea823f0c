"""Conversion, velocity and win rates of the demo, worked out again from the exports alone."""

import csv
import io
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import mean, median
from typing import Any

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.integration.conftest import LAST_DAY, Warehouse

STAGES = ["Prospecting", "Qualification", "Discovery", "Solution Design", "Proposal", "Negotiation"]
CURRENCIES = "'USD', 'EUR', 'GBP', 'JPY', 'AUD'"
EVENING = date.fromisoformat(LAST_DAY)


@dataclass(frozen=True)
class Deal:
    """An opportunity as the exports show it, and the stages that it went through."""

    created: date
    close: date
    stage: str
    reason: str | None
    amount: float | None
    lead_created: date | None
    visits: list[tuple[str, datetime]]

    @property
    def is_open(self) -> bool:
        return not self.stage.startswith("Closed")

    @property
    def is_won(self) -> bool:
        return self.stage == "Closed Won"

    @property
    def counts(self) -> bool:
        return self.reason != "Not qualified"

    @property
    def age(self) -> int:
        return max(((EVENING if self.is_open else self.close) - self.created).days, 0)

    def spans(self) -> list[tuple[str, datetime, datetime | None]]:
        ends = [entered for _, entered in self.visits[1:]] + [None]
        return [(stage, at, end) for (stage, at), end in zip(self.visits, ends, strict=True)]


def first_leads(folder: Path) -> dict[str, date]:
    """Opportunity → day on which the first lead that became it was created."""
    last: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.csv")):
        raw = path.read_bytes()
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = raw.decode("utf-16")
        else:
            try:
                text = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = raw.decode("windows-1252")
        for row in csv.DictReader(io.StringIO(text)):
            known = last.get(row["Id"])
            if known is None or known["SystemModstamp"] <= row["SystemModstamp"]:
                last[row["Id"]] = row
    first: dict[str, date] = {}
    for row in last.values():
        deal = row["ConvertedOpportunityId"]
        if deal and row["IsDeleted"].lower() == "false":
            made = date.fromisoformat(row["CreatedDate"][:10])
            first[deal] = min(made, first.get(deal, made))
    return first


@pytest.fixture(scope="module")
def deals(evening: Warehouse) -> list[Deal]:
    """The last sound version of every opportunity that is not deleted."""
    landing = evening.data / "landing" / "salesforce"
    with duckdb.connect() as con:
        versions = con.execute(
            "select Id, cast(CreatedDate as timestamptz) at time zone 'UTC', "
            "try_cast(CloseDate as date), StageName, Loss_Reason__c, IsDeleted, "
            "Amount / (select ConversionRate from read_csv("
            f"'{landing}/DatedConversionRate/*.csv') where IsoCode = CurrencyIsoCode and "
            "try_cast(CloseDate as date) >= StartDate and try_cast(CloseDate as date) < "
            "NextStartDate limit 1) "
            f"from read_parquet('{landing}/Opportunity/*.parquet', union_by_name = true) "
            "where coalesce(Amount, 0) >= 0 and StageName <> 'Verbal Commit' "
            f"and try_cast(CloseDate as date) is not null and CurrencyIsoCode in ({CURRENCIES}) "
            "qualify row_number() over "
            "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1"
        ).fetchall()
        history = con.execute(
            "select distinct OpportunityId, cast(CreatedDate as timestamptz) at time zone 'UTC', "
            "Id, StageName "
            f"from read_parquet('{landing}/OpportunityHistory/*.parquet', union_by_name = true) "
            "where StageName <> 'Verbal Commit' order by 1, 2, 3"
        ).fetchall()
    leads = first_leads(landing / "Lead")
    visits: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for deal, at, _, stage in history:
        if not visits[deal] or visits[deal][-1][0] != stage:
            visits[deal].append((stage, at))
    return [
        Deal(made.date(), close, stage, reason, amount, leads.get(one), visits[one])
        for one, made, close, stage, reason, deleted, amount in versions
        if not deleted
    ]


def year_of(day: date) -> str:
    return str(day.year)


def mart(warehouse: Warehouse, table: str, columns: str, where: str = "true") -> dict[Any, Any]:
    """Rows of the company by year, by the first `key` columns up to a semicolon."""
    key, values = columns.split("; ")
    width = len(key.split(", "))
    rows = warehouse.query(
        f"select {key}, {values} from marts.{table} where segment_type = 'company' "
        f"and period_type = 'year' and {where} order by all"
    )
    return {row[:width]: row[width:] for row in rows}


def arrivals(deal: Deal) -> dict[str, tuple[date, bool, bool]]:
    """Stage → day of the first arrival, whether it was passed over, whether the deal got further.

    Walks through the life of the deal once; the mart compares windows of spans instead.
    """
    seen: dict[str, tuple[date, bool, bool]] = {}
    at_order: int | None = None
    for stage, at in deal.visits:
        if stage == "Closed Lost" or (stage == "Closed Won" and not deal.is_won):
            continue
        order = STAGES.index(stage) if stage in STAGES else len(STAGES)
        for earlier in STAGES[:order]:
            if earlier in seen:
                day, skipped, _ = seen[earlier]
                seen[earlier] = (day, skipped, True)
            elif at_order is not None and at_order < STAGES.index(earlier):
                seen[earlier] = (at.date(), True, True)
        if stage in STAGES and stage not in seen:
            seen[stage] = (at.date(), False, False)
        at_order = order
    return seen


def test_stage_conversion_by_entry_cohort_equals_a_walk_through_the_histories(
    evening: Warehouse, deals: list[Deal]
) -> None:
    expected: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 6)
    for deal in deals:
        for stage, (day, skipped, further) in arrivals(deal).items():
            counts = expected[year_of(day), stage]
            for place, holds in enumerate(
                (
                    True,
                    skipped,
                    further,
                    deal.is_open and not further,
                    not deal.is_open and not deal.is_won and not further,
                    deal.is_won,
                )
            ):
                counts[place] += holds
    published = mart(
        evening,
        "mart_stage_conversion",
        "period_name, stage; entered_count, skipped_count, progressed_count, open_count, "
        "lost_count, won_count",
        "entered_count > 0",
    )
    assert {key: list(row) for key, row in published.items()} == dict(expected)
    assert sum(row[1] for row in expected.values()) > 20  # skips do occur


def quantile(stays: list[tuple[float, bool]], share: float) -> float | None:
    """First time at which at most 1 - share are left, by the product limit."""
    left = 1.0
    times = np.array([days for days, _ in stays])
    for time in sorted({days for days, over in stays if over}):
        at_risk = int((times >= time).sum())
        left *= 1 - sum(over and days == time for days, over in stays) / at_risk
        if left <= 1 - share + 1e-9:
            return time
    return None


def test_time_in_stage_equals_the_product_limit_over_the_histories(
    evening: Warehouse, deals: list[Deal]
) -> None:
    now = datetime.combine(EVENING + timedelta(days=1), datetime.min.time())
    stays: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    business: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)
    for deal in deals:
        first: dict[str, date] = {}
        days: dict[str, float] = defaultdict(float)
        weekdays: dict[str, int] = defaultdict(int)
        still: set[str] = set()
        for stage, entered, exited in deal.spans():
            if stage not in STAGES:
                continue
            first.setdefault(stage, entered.date())
            days[stage] += ((exited or now) - entered).total_seconds() / 86400
            last = exited.date() if exited else EVENING
            weekdays[stage] += int(
                np.busday_count(entered.date() + timedelta(1), last + timedelta(1))
            )
            still |= {stage} if exited is None else set()
        for stage, day in first.items():
            stays[year_of(day), stage].append((round(days[stage], 1), stage not in still))
            business[year_of(day), stage].append((weekdays[stage], stage not in still))
    published = mart(
        evening,
        "mart_stage_velocity",
        "period_name, stage; deal_count, open_count, median_days, p75_days, median_business_days, "
        "p75_business_days",
        "deal_count > 0",
    )
    assert published.keys() == stays.keys()
    for key, (deal_count, open_count, *quantiles) in published.items():
        assert (deal_count, open_count) == (
            len(stays[key]),
            sum(not over for _, over in stays[key]),
        )
        for value, (sample, share) in zip(
            quantiles,
            [(stays[key], 0.5), (stays[key], 0.75), (business[key], 0.5), (business[key], 0.75)],
            strict=True,
        ):
            wanted = quantile(sample, share)
            assert (None if value is None else float(value)) == (
                None if wanted is None else pytest.approx(wanted, abs=0.11)
            ), key


def test_sales_velocity_equals_its_four_factors_over_the_exports(
    evening: Warehouse, deals: list[Deal]
) -> None:
    published = mart(
        evening,
        "mart_sales_velocity",
        "period_name; opportunity_count, won_count, average_won_amount, mean_cycle_days, "
        "median_cycle_days, median_lost_cycle_days, velocity_per_day, mean_lead_cycle_days, "
        "created_and_won_count",
        "opportunity_count > 0",
    )
    for (year,), row in published.items():
        closed = [
            deal
            for deal in deals
            if not deal.is_open and deal.counts and year_of(deal.close) == year
        ]
        won = [deal for deal in closed if deal.is_won]
        average = mean(deal.amount for deal in won if deal.amount is not None)
        cycles = [deal.age for deal in won if deal.close >= deal.created]
        lost = [deal.age for deal in closed if not deal.is_won and deal.close >= deal.created]
        from_lead = [
            (deal.close - deal.lead_created).days
            for deal in won
            if deal.lead_created and deal.close >= deal.lead_created
        ]
        wanted = [
            len(closed),
            len(won),
            average,
            mean(cycles),
            median(cycles),
            median(lost),
            len(closed) * (len(won) / len(closed)) * average / mean(cycles),
            mean(from_lead),
            sum(year_of(deal.created) == year for deal in won),
        ]
        assert [float(value) for value in row] == pytest.approx(wanted, abs=0.06, rel=1e-4), year


def incidence(ages: list[int], outcomes: list[str], horizon: int) -> tuple[float, float] | None:
    """Aalen-Johansen estimate of a win by the horizon, and its standard error.

    The error comes from the influence of each deal (infinitesimal jackknife), which needs no
    formula for the variance; the mart uses the delta method.
    """
    weights = np.ones(len(ages))

    def estimate(weight: NDArray[np.float64]) -> float:
        left, won = 1.0, 0.0
        for time in sorted({age for age in ages if age <= horizon}):
            at_risk = sum(w for w, age in zip(weight, ages, strict=True) if age >= time)
            now = [i for i, age in enumerate(ages) if age == time]
            wins = sum(weight[i] for i in now if outcomes[i] == "won")
            over = sum(weight[i] for i in now if outcomes[i] != "open")
            won += left * wins / at_risk
            left *= 1 - over / at_risk
        return won

    if horizon > max(ages) and any(
        outcome == "open" and age == max(ages) for age, outcome in zip(ages, outcomes, strict=True)
    ):
        return None
    share = estimate(weights)
    influence: list[float] = []
    for i in range(len(ages)):
        nudged = weights.copy()
        nudged[i] += 1e-5
        influence.append((estimate(nudged) - share) / 1e-5)
    return share, math.sqrt(sum(value**2 for value in influence))


def test_survival_win_rates_equal_an_independent_estimate(
    evening: Warehouse, deals: list[Deal]
) -> None:
    published = evening.query(
        "select period_start, period_end, basis, horizon_days, win_rate, win_rate_low, "
        "win_rate_high, denominator from marts.mart_win_rate where segment_type = 'company' "
        "and period_type = 'fiscal_quarter' and period_start >= '2025-04-01' "
        "and basis like 'survival%' and denominator > 0"
    )
    assert len(published) >= 16
    judged = 0
    for start, end, basis, horizon, rate, low, high, count in published:
        cohort = [d for d in deals if start <= d.created <= end and (d.is_open or d.counts)]
        assert len(cohort) == count
        outcomes = ["open" if d.is_open else "won" if d.is_won else "lost" for d in cohort]
        ages = [d.age for d in cohort]
        assert basis != "survival" or horizon == max(ages)
        estimate = incidence(ages, outcomes, horizon)
        assert (rate is None) == (estimate is None), (start, basis)
        if estimate is None:
            continue
        share, error = estimate
        assert float(rate) == pytest.approx(share, abs=2e-6), (start, basis)
        if low is not None:
            # the interval is share ** exp(± 1.96 · error ÷ (share · -ln share))
            half = (math.log(-math.log(low)) - math.log(-math.log(high))) / 2
            implied = half * share * -math.log(share) / 1.959964
            assert implied == pytest.approx(error, rel=0.05), (start, basis)
            judged += 1
    assert judged >= 8


def test_cohort_and_closed_win_rates_equal_the_exports(
    evening: Warehouse, deals: list[Deal]
) -> None:
    published = mart(evening, "mart_win_rate", "period_name, basis; numerator, denominator")

    def weigh(chosen: list[Deal], by_amount: bool) -> float:
        return sum((d.amount or 0.0) if by_amount else 1 for d in chosen)

    for year in ("2024", "2025", "2026"):
        sound = [d for d in deals if d.is_open or d.counts]
        closed = [d for d in sound if not d.is_open and year_of(d.close) == year]
        narrow = [d for d in closed if d.reason != "No decision"]
        cohort = [d for d in sound if year_of(d.created) == year]
        for basis, chosen, by_amount in (
            ("closed_count", closed, False),
            ("closed_value", closed, True),
            ("closed_narrow", narrow, False),
            ("closed_narrow_value", narrow, True),
            ("cohort", cohort, False),
        ):
            wanted = [weigh([d for d in chosen if d.is_won], by_amount), weigh(chosen, by_amount)]
            shown = [float(value) for value in published[year, basis]]
            assert shown == pytest.approx(wanted, abs=1), (year, basis)


def test_coaching_gaps_are_those_that_the_published_behaviours_show(evening: Warehouse) -> None:
    rules = {
        behaviour: (better, sample, peers, float(sd), float(percentile))
        for behaviour, better, sample, peers, sd, percentile in evening.inside(
            "select behaviour, better, minimum_sample, minimum_peers, threshold_sd, "
            "threshold_percentile from seeds.coaching_gaps"
        )
    }
    values: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for user, week, behaviour, stage, value, sample, role in evening.query(
        "select b.user_id, b.week_start, b.behaviour, b.stage, b.value, b.sample_count, u.role "
        "from marts.mart_rep_behaviour as b join core.dim_user as u on u.user_id = b.user_id "
        "and b.week_end + 1 > u.valid_from and b.week_end + 1 <= coalesce(u.valid_to, 'infinity')"
    ):
        if value is not None and sample >= rules[behaviour][1]:
            values[week, behaviour, stage, role][user] = float(value)
    published = {
        (week, behaviour, stage, role, user): (float(mean_of_peers), float(z), group)
        for week, behaviour, stage, role, user, mean_of_peers, z, group in evening.query(
            "select week_start, behaviour, stage, role, user_id, peer_mean, z_score, peer_group "
            "from marts.mart_coaching"
        )
    }
    by_role = {key for key, (_, _, group) in published.items() if group == key[3]}
    expected: set[tuple[Any, ...]] = set()
    for (week, behaviour, stage, role), of_users in values.items():
        better, _, minimum_peers, threshold_sd, threshold_percentile = rules[behaviour]
        sign = 1 if better == "higher" else -1
        for user, value in of_users.items():
            others = np.array([other for one, other in of_users.items() if one != user])
            if len(others) < minimum_peers or others.std() < 1e-7:
                continue
            z = sign * (value - others.mean()) / others.std(ddof=1)
            worse = ((sign * others < sign * value).sum() + (others == value).sum() / 2) / len(
                others
            )
            if z <= -threshold_sd and worse <= threshold_percentile:
                key = (week, behaviour, stage, role, user)
                expected.add(key)
                if key in by_role:
                    assert published[key][:2] == pytest.approx((others.mean(), z), abs=2e-4)
    assert by_role <= expected
    # only whoever has a peer group of the same size class may be judged otherwise
    assert len(published) > 50
    assert len(by_role & expected) > 20
