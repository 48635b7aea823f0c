"""Whether a system's objects bring about as many rows as they used to, by week and by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from expectations import sql
from expectations.g1_raw.limits import Limits
from expectations.g1_raw.objects import RawObject
from expectations.report import ACCEPT_ONCE, Outcome, Severity
from expectations.runner import GateSession
from expectations.suites import TableSuite, no_rows

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

_FIX = (
    "Look whether the export of these days is complete and load what is missing; "
    f"if the source was really silent, accept it once: {ACCEPT_ONCE}."
)


def judge(
    session: GateSession,
    schema: str,
    objects: Sequence[RawObject],
    judged_before: Mapping[str, int],
    as_of: date,
    limits: Limits,
) -> list[Outcome]:
    """Compare the rows that the sources recorded lately with the weeks before.

    The last seven days are compared with each of the weeks before, and the last day with the same
    day of those weeks. A last day that is nearly empty stops the gate only where the system's other
    objects were as busy as usual: else it was a holiday.

    Args:
        session: the gate's session.
        schema: schema of the system's raw tables.
        objects: the objects whose raw tables say when a row was recorded.
        judged_before: objects with new rows, and the last load of each that was judged before.
        as_of: the run's evening.
        limits: bounds of the rules.
    """
    if not objects:
        return []
    _make_daily_rows(session, schema, objects, as_of)
    days = _new_days(session, schema, objects, judged_before, as_of)
    if days is None:
        return []
    _make_windows(session, *days, limits.usual_weeks)
    # Where too little is known or usual, there is nothing to hold the rows against.
    comparable = {
        str(name)
        for (name,) in session.con.execute(
            f"select distinct object_name from volume_windows where usual >= {limits.usual_rows}"
        ).fetchall()
    }
    expectations = [
        expectation
        for one in objects
        if one.name in comparable
        for expectation in _expectations(one, limits)
    ]
    return session.judge(
        TableSuite(schema, "*", "select * from volume_windows", tuple(expectations))
    )


def _expectations(one: RawObject, limits: Limits) -> list[BatchExpectation]:
    share = f"{limits.volume_share:.0%}"
    rules: list[tuple[str, str, str, Severity]] = [
        (
            "week_not_empty",
            "span = 'week'",
            f"the last 7 days brought at least {share} of the rows of the weeks before",
            "critical",
        ),
        (
            "day_not_empty",
            "span = 'day' and others_busy",
            "the last day was not empty while the system's other objects were busy",
            "critical",
        ),
        (
            "day_as_usual",
            "span = 'day'",
            f"the last day brought at least {share} of the rows of that day in the weeks before",
            "warning",
        ),
        (
            "weeks_without_gap",
            "span = 'earlier week'",
            f"each week of the new rows brought at least {share} of the rows of those before it",
            "warning",
        ),
    ]
    return [
        no_rows(
            name,
            f"select * from {{batch}} where object_name = {sql.literal(one.name)} and {where} "
            f"and usual >= {limits.usual_rows} and row_count < {limits.volume_share} * usual",
            columns=(one.recorded_at or "",),
            says=says,
            fix=_FIX,
            severity=severity,
            table=one.name,
        )
        for name, where, says, severity in rules
    ]


def _day(one: RawObject) -> str:
    text = f"trim({sql.quoted(one.recorded_at or '')})"
    epoch = f"cast(to_timestamp(try_cast({text} as bigint) / 1000.0) as date)"
    return f"coalesce(try_cast(left({text}, 10) as date), {epoch})"


def _make_daily_rows(
    session: GateSession, schema: str, objects: Sequence[RawObject], as_of: date
) -> None:
    selects = [
        f"select {sql.literal(one.name)} as object_name, {_day(one)} as day, count(*) as row_count "
        f"from {schema}.{sql.quoted(one.name)} group by all"
        for one in objects
    ]
    session.con.execute(
        "create or replace temp table daily_rows as "
        f"select * from ({' union all '.join(selects)}) as counted "
        f"where day between date '{sql.EARLIEST}' and date '{as_of}'"
    )


def _new_days(
    session: GateSession,
    schema: str,
    objects: Sequence[RawObject],
    judged_before: Mapping[str, int],
    as_of: date,
) -> tuple[date, date] | None:
    """The first and last day up to `as_of` of which the new rows tell; None for no day."""
    selects = [
        f"select {_day(one)} as day from {schema}.{sql.quoted(one.name)} "
        f"where _load_id > {judged_before[one.name]}"
        for one in objects
        if one.name in judged_before
    ]
    if not selects:
        return None
    row = session.con.execute(
        f"select min(day), max(day) from ({' union all '.join(selects)}) as newest "
        f"where day between date '{sql.EARLIEST}' and date '{as_of}'"
    ).fetchone()
    return None if row is None or row[0] is None else (row[0], row[1])


def _make_windows(session: GateSession, first_day: date, last_day: date, weeks: int) -> None:
    """Rows of the weeks up to the last day, and of that day, beside the least of the weeks before.

    A silent week counts as 0, so that an object with silent weeks may be silent again. While fewer
    weeks are known than are to be compared, `usual` is null.
    """
    last = f"date '{last_day}'"
    session.con.execute(
        f"""
        create or replace temp table volume_windows as
        with weekly as (
            select
                object_name,
                date_diff('day', day, {last}) // 7 as weeks_ago,
                sum(row_count) as row_count
            from daily_rows
            where day <= {last}
            group by all
        ),
        every_week as (
            select object_name, unnest(range(max(weeks_ago) + 1)) as weeks_ago
            from weekly
            group by object_name
        ),
        weeks as (
            select
                object_name,
                case when weeks_ago = 0 then 'week' else 'earlier week' end as span,
                cast({last} - 7 * cast(weeks_ago as integer) as date) as last_day,
                coalesce(row_count, 0) as row_count,
                case
                    when count(*) over earlier = {weeks}
                        then min(coalesce(row_count, 0)) over earlier
                end as usual
            from every_week
            left join weekly using (object_name, weeks_ago)
            window earlier as (
                partition by object_name
                order by weeks_ago
                rows between 1 following and {weeks} following
            )
        ),
        days as (
            select
                object_name,
                'day' as span,
                {last} as last_day,
                coalesce(sum(row_count) filter (day = {last}), 0) as row_count,
                case
                    when count(*) filter (day < {last}) = {weeks}
                        then min(row_count) filter (day < {last})
                    else 0
                end as usual
            from daily_rows
            where date_diff('day', day, {last}) between 0 and {7 * weeks}
                and date_diff('day', day, {last}) % 7 = 0
            group by object_name
        )
        select *, false as others_busy from weeks where last_day >= date '{first_day}'
        union all by name
        select
            *,
            coalesce(
                sum(row_count) over () - row_count
                >= 0.5 * nullif(sum(usual) over () - usual, 0),
                false
            ) as others_busy
        from days
        """
    )
