"""What the accepted raw rows say about won deals, by plain SQL over raw.

It is the other side of a comparison with core, so it shares nothing with the dbt models that it
checks: a deal is what its latest visible row says, where core replays the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from expectations import quarantine, sql
from expectations.quarantine import RawTable
from expectations.runner import GateSession

_SALESFORCE = {
    "source_id": "Id",
    "stage": "StageName",
    "amount": "Amount",
    "currency": "CurrencyIsoCode",
    "is_deleted": "IsDeleted",
    "created_at": "CreatedDate",
}
_FILES = {
    "source_id": "source_id",
    "stage": "source_stage",
    "amount": "amount",
    "currency": "currency_code",
    "is_deleted": "is_deleted",
    "created_at": "created_at",
}
_DEALS = (
    (
        RawTable("salesforce", "Opportunity", "raw_salesforce"),
        _SALESFORCE,
        "'salesforce'",
        ("SystemModstamp", "LastModifiedDate", "CreatedDate"),
    ),
    (
        RawTable("files", "opportunities", "mapped_files"),
        _FILES,
        "raw_rows.source_system",
        ("modified_at", "exported_on", "closed_at", "created_at"),
    ),
)


def make_won_deals(session: GateSession, as_of: date) -> None:
    """Make the temporary table `won_deals_of_raw`: source_system, deals, amount_local.

    Needs `core.dim_stage` for what the sources' stages mean.

    Args:
        session: the gate's session.
        as_of: the evening; a row counts when it was recorded by then, the earliest row of a deal
            also when the deal was created by then.
    """
    selects = [
        _deals(table, columns, system, modified, there, as_of)
        for table, columns, system, modified in _DEALS
        if (there := session.columns_of(table.schema).get(table.name))
        and table.quarantine_name in session.columns_of("quarantine")
    ]
    nothing = (
        "select null as source_system, null as stage, null as amount_local, true as is_deleted "
        "where false"
    )
    session.con.execute(
        f"""
        create or replace temp table won_deals_of_raw as
        select
            deals.source_system,
            count(*) as deals,
            cast(coalesce(sum(deals.amount_local), 0) as decimal(18, 2)) as amount_local
        from ({" union all ".join(selects or [nothing])}) as deals
        where
            not deals.is_deleted
            and exists (
                select 1
                from core.dim_stage as stages
                where
                    stages.is_won
                    and stages.source_system = deals.source_system
                    and lower(stages.source_stage) = lower(deals.stage)
            )
        group by deals.source_system
        """
    )


def _deals(
    table: RawTable,
    columns: Mapping[str, str],
    system: str,
    modified: tuple[str, ...],
    there: tuple[str, ...],
    as_of: date,
) -> str:
    """The latest visible accepted row of each deal of a raw table."""

    def text(name: str) -> str:
        return f"nullif(trim(raw_rows.{sql.quoted(name)}), '')" if name in there else "null"

    deals = {name: text(column) for name, column in columns.items()}
    modified_at = f"coalesce({', '.join(_utc(text(name)) for name in modified)})"
    end = f"date '{as_of + timedelta(days=1)}'"
    return f"""
        select
            source_system,
            stage,
            cast({sql.number("amount")} as decimal(18, 2)) as amount_local,
            coalesce(try_cast(is_deleted as boolean), false) as is_deleted
        from (
            select
                {system} as source_system,
                {", ".join(f"{value} as {name}" for name, value in deals.items())},
                {modified_at} as modified_at,
                greatest(raw_rows._load_id, coalesce(kept.released_load_id, 0)) as load_id,
                raw_rows._row
            from {table.relation} as raw_rows
            left join {table.quarantine} as kept using (_load_id, _row)
            anti join ({quarantine.still_refused(table)}) as refused using (_load_id, _row)
        ) as versions
        where
            modified_at < {end}
            or coalesce({_utc("created_at")} < {end}, true)
        qualify row_number() over (
            partition by source_system, source_id
            order by
                modified_at < {end} desc,
                case when modified_at < {end} then modified_at end desc,
                case when modified_at < {end} then load_id end desc,
                case when modified_at < {end} then _row end desc,
                modified_at,
                load_id,
                _row
        ) = 1
    """


def _utc(text: str) -> str:
    return f"({sql.timestamp(text)} at time zone 'UTC')"
