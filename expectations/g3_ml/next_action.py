"""What is expected of the evening's next actions."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import LAYER
from expectations.suites import TableSuite, between, in_set, no_rows, not_after, not_null, unique

_AGAIN = "Choose the actions again with core and the scores as they are now."
_RULE = "Mend the rule in seeds/playbook_rules.csv and choose again."


def suites(as_of: date) -> list[TableSuite]:
    """The actions of the evening, and the deals that need one."""
    chosen = f"select * from ml.ml_next_action where as_of_date = date '{as_of}'"
    return [
        TableSuite(
            LAYER,
            "ml_next_action",
            chosen,
            (
                unique(("entity_type", "entity_id"), "Choose one action for each."),
                *(
                    not_null(name, _RULE)
                    for name in ("entity_id", "rule_code", "action", "reason", "due_date")
                ),
                in_set("entity_type", ("opportunity", "lead", "account"), _RULE),
                in_set("value_basis", ("measured", "not measured"), _AGAIN),
                between("probability", 0, 1, _AGAIN),
                between("probability_gain", -1, 1, _AGAIN),
                not_after("as_of_date", "due_date", _AGAIN),
                no_rows(
                    "worth_agrees",
                    "select * from {batch} where (value_basis = 'measured') <> "
                    "(odds_ratio is not null) or abs(expected_value - value_at_stake "
                    "* probability_gain) > 0.01 + 0.000001 * abs(value_at_stake)",
                    columns=("expected_value", "value_at_stake", "probability_gain"),
                    says="the expected value is the value at stake times the gain, where measured",
                    fix=_AGAIN,
                ),
                no_rows(
                    "reasons_filled_in",
                    "select * from {batch} where reason like '%{{%' or reason like '%None%'",
                    columns=("reason",),
                    says="every reason names its figures",
                    fix=_RULE,
                ),
            ),
        ),
        TableSuite(
            LAYER,
            "ml_next_action",
            "select opportunity_id, is_eligible_for_pipeline from core.fct_opportunity",
            (
                no_rows(
                    "open_deals_have_an_action",
                    "select * from {batch} where is_eligible_for_pipeline and opportunity_id "
                    f"not in (select entity_id from ({chosen}) as chosen "
                    "where entity_type = 'opportunity')",
                    columns=("opportunity_id",),
                    says="every open deal has a next action",
                    fix="Keep a rule without conditions for deals in seeds/playbook_rules.csv.",
                ),
            ),
        ),
    ]
