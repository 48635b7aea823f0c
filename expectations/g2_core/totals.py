"""Figures that core must share with raw, and its tables with each other."""

from __future__ import annotations

from datetime import date

from expectations.g2_core.vocabulary import LAYER
from expectations.raw_deals import make_won_deals
from expectations.runner import GateSession
from expectations.suites import TableSuite, figure, no_rows

TOTALS_APART = 0.01
"""Greatest share by which won deals may differ between raw and core: the latest row of a deal and
the replay of its history disagree where an export caught one of them and not the other."""


def totals(session: GateSession, as_of: date) -> list[TableSuite]:
    """The comparisons of won deals with raw and of the last day with fct_opportunity.

    Args:
        session: the gate's session.
        as_of: the evening that core was built for.
    """
    if not {"dim_stage", "fct_opportunity", "fct_opportunity_daily"} <= set(
        session.columns_of(LAYER)
    ):
        return []  # their own suites say that they are missing
    make_won_deals(session, as_of)
    return [
        TableSuite(
            LAYER,
            "fct_opportunity",
            "select * from (select source_system, count(*) as core_deals, "
            "cast(coalesce(sum(amount_local), 0) as decimal(18, 2)) as core_amount "
            f"from {LAYER}.fct_opportunity where is_won group by source_system) as of_core "
            "full join won_deals_of_raw using (source_system)",
            (
                no_rows(
                    "won_deals_agree_with_raw",
                    "select * from {batch} where abs(coalesce(core_deals, 0) - coalesce(deals, 0)) "
                    f"> {TOTALS_APART} * greatest(coalesce(deals, 0), coalesce(core_deals, 0)) "
                    "or abs(coalesce(core_amount, 0) - coalesce(amount_local, 0)) > "
                    f"{TOTALS_APART} * greatest(coalesce(amount_local, 0), "
                    "coalesce(core_amount, 0))",
                    columns=("is_won", "amount_local"),
                    says="each system's won deals are as many and as much as in the accepted raw "
                    f"rows, but for {TOTALS_APART:.0%}",
                    fix="Find the deals that differ: compare the latest accepted raw rows with "
                    "fct_opportunity by source_id.",
                ),
                no_rows(
                    "won_deals_equal_raw",
                    "select * from {batch} where core_deals is distinct from deals "
                    "or core_amount is distinct from amount_local",
                    columns=("is_won", "amount_local"),
                    says="each system's won deals are exactly those of the accepted raw rows",
                    fix="Small differences come from histories that the export has in part; see "
                    "which deals differ.",
                    severity="warning",
                ),
            ),
        ),
        TableSuite(
            LAYER,
            "fct_opportunity_daily",
            f"""
            select
                (select count(*) from core.fct_opportunity where is_open) - count(*) as deals_apart,
                (select coalesce(sum(amount), 0) from core.fct_opportunity where is_open)
                - coalesce(sum(amount), 0) as amount_apart
            from core.fct_opportunity_daily
            where is_open and date_day = date '{as_of}'
            """,
            tuple(
                figure(
                    name,
                    column,
                    minimum=0,
                    maximum=0,
                    columns=("date_day", "is_open"),
                    says=f"the last day has the {what} of the open deals (difference 0)",
                    fix="Rebuild fct_opportunity_daily in full; then compare the two by "
                    "opportunity_id on that day.",
                )
                for name, column, what in (
                    ("open_deals_agree", "deals_apart", "number"),
                    ("open_amount_agrees", "amount_apart", "amount"),
                )
            ),
        ),
    ]
