"""What is expected of the dimensions and the exchange rates."""

from __future__ import annotations

from datetime import date

from expectations.g2_core.vocabulary import (
    FIX_KEY,
    FIX_KNOWN,
    FIX_MISSING,
    FIX_ORDER,
    FIX_RANGE,
    STAGES,
    table,
)
from expectations.suites import TableSuite, in_set, no_rows, not_after, not_null, unique


def dimensions(as_of: date) -> list[TableSuite]:
    """The suites of the dimensions.

    Args:
        as_of: the evening that core was built for.
    """
    return [
        _dates(as_of),
        *(_versioned(entity) for entity in ("account", "contact", "lead", "user", "territory")),
        table("dim_product", unique(("product_id",), FIX_KEY), not_null("product_id", FIX_MISSING)),
        table(
            "dim_campaign", unique(("campaign_id",), FIX_KEY), not_null("campaign_id", FIX_MISSING)
        ),
        table(
            "dim_stage",
            unique(("stage_key",), FIX_KEY),
            in_set("stage", STAGES, FIX_KNOWN),
            not_null("stage", FIX_MISSING),
        ),
        table(
            "fct_fx_rate",
            unique(("currency_code", "valid_from"), FIX_KEY),
            no_rows(
                "rate_positive",
                "select * from {batch} where coalesce(rate_to_corporate, 0) <= 0",
                columns=("rate_to_corporate",),
                says="every rate is above 0",
                fix=FIX_RANGE,
            ),
        ),
    ]


def _dates(as_of: date) -> TableSuite:
    return table(
        "dim_date",
        unique(("date_day",), FIX_KEY),
        not_null("date_day", FIX_MISSING),
        no_rows(
            "calendar_without_gaps",
            "select * from (select date_day, lead(date_day) over (order by date_day) as next_day "
            "from {batch}) as days where next_day <> date_day + 1",
            columns=("date_day",),
            says="no day is missing between the first and the last",
            fix="Look at the date spine of dim_date.",
        ),
        no_rows(
            "calendar_reaches_as_of",
            f"select 1 from {{batch}} having max(date_day) < date '{as_of}'",
            columns=("date_day",),
            says=f"the calendar reaches {as_of}",
            fix="Look at the end of the date spine of dim_date.",
        ),
    )


def _versioned(entity: str) -> TableSuite:
    """A dimension with history: unique versions, one of each entity current."""
    entity_id = f"{entity}_id"
    return table(
        f"dim_{entity}",
        unique((f"{entity}_key",), FIX_KEY),
        not_null(entity_id, FIX_MISSING),
        not_after("valid_from", "valid_to", FIX_ORDER),
        no_rows(
            "one_current_version",
            f"select {entity_id} from {{batch}} group by {entity_id} "
            "having count(*) filter (is_current) <> 1",
            columns=(entity_id, "is_current"),
            says=f"every {entity_id} has exactly one current version",
            fix=FIX_ORDER,
        ),
    )
