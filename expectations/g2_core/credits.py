"""What is expected of who is credited with deals and of whose accounts they are."""

from __future__ import annotations

from expectations.g2_core.vocabulary import (
    FIX_KEY,
    FIX_KNOWN,
    FIX_MISSING,
    FIX_ORDER,
    FIX_PARENT,
    FIX_RANGE,
    LAYER,
    table,
)
from expectations.suites import (
    TableSuite,
    between,
    in_set,
    no_rows,
    not_after,
    not_null,
    resolves,
    unique,
)

ROLE_TYPES = ("revenue", "overlay")


def credits() -> list[TableSuite]:
    """The suites of splits and territories."""
    return [
        table(
            "fct_opportunity_split",
            unique(("split_key",), FIX_KEY),
            not_null("opportunity_id", FIX_MISSING),
            in_set("role_type", ROLE_TYPES, FIX_KNOWN),
            between("credit_share", 0, 1, FIX_RANGE),
            no_rows(
                "shares_sum_to_one",
                "select opportunity_id, role_type from {batch} group by opportunity_id, role_type "
                "having sum(credit_share) <> 1",
                columns=("opportunity_id", "role_type", "credit_share"),
                says="the shares of a deal sum to 1 in every role type",
                fix="Look at the rounding of shares in fct_opportunity_split.",
            ),
            no_rows(
                "splits_sum_to_the_deal",
                "select deals.opportunity_id from (select opportunity_id, sum(amount) as amount "
                "from {batch} where role_type = 'revenue' group by opportunity_id) as credited "
                f"right join {LAYER}.fct_opportunity as deals using (opportunity_id) "
                "where credited.opportunity_id is null "
                "or credited.amount <> deals.amount",
                columns=("opportunity_id", "amount"),
                says="the revenue splits of every deal sum to its amount, to the cent",
                fix="Look at the rounding of amounts in fct_opportunity_split.",
            ),
            no_rows(
                "splits_given_sum_to_one",
                "select * from {batch} where role_type = 'revenue' "
                "and share_rule in ('remainder', 'scaled')",
                columns=("opportunity_id", "share_rule"),
                says="the revenue splits that a source gives sum to the whole deal",
                fix="Correct the splits in the source; until then the owner has what they leave, "
                "and more than the whole is scaled down.",
                severity="warning",
            ),
            resolves("user_id", "core.dim_user", "user_id", FIX_PARENT),
        ),
        table(
            "bridge_territory_account",
            unique(("territory_account_key",), FIX_KEY),
            not_null("account_id", FIX_MISSING),
            not_after("valid_from", "valid_to", FIX_ORDER),
            no_rows(
                "one_territory_at_a_time",
                "select * from {batch} where is_overlapping and is_current",
                columns=("account_id", "territory_id"),
                says="no account is in two territories today",
                fix="Take back one of the assignments in the source.",
                severity="warning",
            ),
            no_rows(
                "one_territory_at_any_time",
                "select * from {batch} where is_overlapping",
                columns=("account_id", "territory_id"),
                says="no account was ever in two territories at once",
                fix="Past conflicts stay as the source has them; is_overlapping names them.",
                severity="warning",
            ),
            resolves("account_id", "core.dim_account", "account_id", FIX_PARENT),
            resolves("territory_id", "core.dim_territory", "territory_id", FIX_PARENT),
        ),
        table(
            "bridge_territory_user",
            unique(("territory_user_key",), FIX_KEY),
            not_after("valid_from", "valid_to", FIX_ORDER),
            resolves("user_id", "core.dim_user", "user_id", FIX_PARENT),
            resolves("territory_id", "core.dim_territory", "territory_id", FIX_PARENT),
        ),
    ]
