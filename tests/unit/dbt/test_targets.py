"""Every target of the founding documents is in the seed, with the value that they give.

The lists below were written by hand from the documents, not from the seed.
"""

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "seeds"

# source, metric, phase, part of the company, comparison, value
AT_LEAST, MORE, AT_MOST, LESS = "at_least", "more_than", "at_most", "less_than"
ALL, ALWAYS = "All", "always"

CHANGES = [  # on a baseline, as fractions of it
    ("P-01", "forecast_accuracy", AT_LEAST, ".25"),
    ("P-02", "lead_conversion_rate", AT_LEAST, ".30"),
    ("P-03", "bookings_per_seller", AT_LEAST, ".20"),
    ("P-04", "manual_reporting_hours", AT_MOST, "-.40"),
    ("P-05", "average_deal_size", AT_LEAST, ".15"),
    ("P-24", "sales_cycle_days", AT_MOST, "-.15"),
    ("P-25", "average_deal_size", AT_LEAST, ".15"),
    ("P-92", "activities_per_month", MORE, ".30"),
    ("E-65", "bookings_per_seller", AT_LEAST, ".25"),
    ("E-65", "win_rate", AT_LEAST, ".15"),
    ("E-65", "forecast_error", AT_MOST, "-.30"),
    ("E-79", "sales_cycle_days", AT_MOST, "-.30"),
    ("E-79", "win_rate", AT_LEAST, ".20"),
    ("E-81", "quota_attainment", AT_LEAST, ".25"),
    ("I-48", "bookings_per_seller", AT_LEAST, ".90"),
    ("I-50", "bookings_per_seller", AT_LEAST, ".40"),
    ("I-51", "attribution_accuracy", AT_LEAST, ".35"),
]

VALUES = [
    ("P-17", "market_share", "year_3", ALL, AT_LEAST, ".15"),
    ("P-17", "arr", "year_4", ALL, AT_LEAST, "100000000"),
    ("P-17", "gross_margin", "year_4", ALL, AT_LEAST, ".35"),
    ("P-18", "logo_retention", ALWAYS, ALL, AT_LEAST, ".95"),
    ("P-18", "nps", ALWAYS, ALL, AT_LEAST, "60"),
    ("P-18", "nps", ALWAYS, ALL, MORE, "60"),
    ("P-19", "activities_per_month", ALWAYS, ALL, AT_LEAST, "10000000"),
    ("P-20", "uptime", ALWAYS, ALL, AT_LEAST, ".999"),
    ("P-20", "planned_maintenance_hours", ALWAYS, ALL, LESS, "1"),
    ("P-21", "dashboard_seconds_p95", ALWAYS, ALL, LESS, "2"),
    ("P-22", "deal_prediction_accuracy", ALWAYS, ALL, AT_LEAST, ".85"),
    ("P-23", "pipeline_risk_accuracy", ALWAYS, ALL, AT_LEAST, ".90"),
    ("P-26", "quota_attainment", ALWAYS, ALL, AT_LEAST, ".95"),
    ("P-27", "active_adoption_rate", "M6", ALL, AT_LEAST, ".90"),
    ("P-28", "integration_uptime", ALWAYS, ALL, AT_LEAST, ".99"),
    ("P-53", "activities_per_day", ALWAYS, ALL, AT_LEAST, "50000"),
    ("P-54", "peak_load_multiple", ALWAYS, ALL, AT_LEAST, "5"),
    ("P-91", "logo_retention", ALWAYS, ALL, MORE, ".95"),
    ("P-93", "ltv_to_cac", "M18", ALL, MORE, "3"),
    ("P-94", "arr", "year_2", ALL, AT_LEAST, "25000000"),
    ("P-94", "ebitda", "year_3", ALL, MORE, "0"),
    ("P-94", "company_valuation", "year_4", ALL, AT_LEAST, "500000000"),
    ("E-25", "support_response_hours", ALWAYS, "Professional Edition", AT_MOST, "48"),
    ("E-25", "support_response_hours", ALWAYS, "Enterprise Edition", AT_MOST, "8"),
    ("E-25", "support_response_hours", ALWAYS, "Ultimate Edition", AT_MOST, "1"),
    ("E-36", "transactions_supported", ALWAYS, ALL, AT_LEAST, "10000000"),
    ("E-37", "concurrent_users", ALWAYS, ALL, AT_LEAST, "10000"),
    ("E-38", "query_seconds", ALWAYS, ALL, LESS, "1"),
    ("E-39", "uptime", ALWAYS, ALL, AT_LEAST, ".999"),
    ("E-40", "field_count", ALWAYS, "Companies", AT_LEAST, "500"),
    ("E-41", "field_count", ALWAYS, "Opportunities", AT_LEAST, "100"),
    ("E-42", "field_count", ALWAYS, "Products", AT_LEAST, "50"),
    ("E-43", "field_count", ALWAYS, "Transactions", AT_LEAST, "75"),
    ("E-44", "field_count", ALWAYS, "Activities", AT_LEAST, "40"),
    ("E-45", "field_count", ALWAYS, "Sales team", AT_LEAST, "60"),
    ("E-61", "test_coverage", ALWAYS, ALL, AT_LEAST, ".95"),
    ("E-64", "keyed_read_seconds_p95", ALWAYS, ALL, LESS, ".1"),
    ("E-65", "customer_value_created", ALWAYS, ALL, AT_LEAST, "500000"),
    ("E-65", "customer_payback_months", ALWAYS, ALL, AT_MOST, "6"),
    ("E-66", "csat", ALWAYS, ALL, AT_LEAST, ".93"),
    ("E-66", "logo_retention", "year_1", ALL, AT_LEAST, ".97"),
    ("E-66", "nps", ALWAYS, ALL, AT_LEAST, "45"),
    ("E-66", "support_response_hours", ALWAYS, ALL, LESS, "2"),
    ("E-76", "support_response_hours", ALWAYS, "Standard Support", AT_MOST, "24"),
    ("E-76", "support_response_hours", ALWAYS, "Premium Support", AT_MOST, "4"),
    ("E-76", "support_response_hours", ALWAYS, "Enterprise Support", AT_MOST, "1"),
    ("E-78", "forecast_error", ALWAYS, ALL, AT_MOST, ".08"),
    ("E-78", "forecast_accuracy", ALWAYS, ALL, AT_LEAST, ".92"),
    ("E-80", "logo_churn", ALWAYS, ALL, AT_MOST, ".07"),
    ("E-80", "saved_arr", ALWAYS, ALL, AT_LEAST, "2000000"),
    ("D-20", "bookings_per_seller", ALWAYS, "AE", AT_LEAST, "2000000"),
    ("D-21", "qualified_opportunities_per_seller", ALWAYS, "BDR", AT_LEAST, "20"),
    ("K-09", "feature_adoption_rate", "M12", "Lead scoring", AT_LEAST, ".80"),
    ("K-09", "feature_adoption_rate", "M12", "Proposal generation", AT_LEAST, ".60"),
    ("K-09", "feature_adoption_rate", "M12", "Battle cards", AT_LEAST, ".70"),
    ("K-09", "feature_adoption_rate", "M12", "Conversation intelligence", AT_LEAST, ".50"),
    ("K-13", "lead_score_r2", ALWAYS, ALL, MORE, ".65"),
    ("K-13", "high_score_close_rate", ALWAYS, ALL, MORE, ".30"),
    ("K-13", "low_score_close_rate", ALWAYS, ALL, LESS, ".10"),
    ("K-20", "ai_impact_p_value", ALWAYS, ALL, LESS, ".05"),
    ("K-20", "ai_impact_group_size", ALWAYS, ALL, MORE, "100"),
    ("K-22", "ai_win_rate_difference", ALWAYS, "Competitive", AT_LEAST, ".10"),
    ("K-22", "ai_win_rate_difference", ALWAYS, "Non-competitive", AT_LEAST, ".02"),
    ("K-28", "customer_health_score", ALWAYS, ALL, AT_LEAST, "80"),
    ("K-29", "mrr_growth_rate_annual", "M12", ALL, AT_LEAST, "4"),
    ("K-29", "mrr_growth_rate_annual", "M24", ALL, AT_LEAST, "9"),
    ("K-36", "nrr", "M12", ALL, AT_LEAST, ".90"),
    ("K-36", "nrr", "M18", ALL, AT_LEAST, "1.00"),
    ("K-36", "nrr", "M24", ALL, AT_LEAST, "1.10"),
    ("K-37", "logo_retention", "M12", ALL, AT_LEAST, ".80"),
    ("K-37", "logo_retention", "M18", ALL, AT_LEAST, ".85"),
    ("K-37", "logo_retention", "M24", ALL, AT_LEAST, ".90"),
    ("K-37", "logo_churn", "M12", ALL, AT_MOST, ".20"),
    ("K-37", "logo_churn", "M18", ALL, AT_MOST, ".15"),
    ("K-37", "logo_churn", "M24", ALL, LESS, ".10"),
    ("K-38", "mrr_growth_rate", "M6", ALL, AT_LEAST, ".50"),
    ("K-38", "mrr_growth_rate", "M12", ALL, AT_LEAST, ".15"),
    ("K-38", "mrr_growth_rate", "M24", ALL, AT_LEAST, ".10"),
    ("K-38", "mrr_growth_rate_annual", "M12", ALL, AT_LEAST, "4"),
    ("K-38", "mrr_growth_rate_annual", "M24", ALL, AT_LEAST, "2"),
    ("I-47", "integration_success_rate", ALWAYS, ALL, AT_LEAST, ".95"),
    ("I-49", "feedback_integration_rate", ALWAYS, ALL, AT_LEAST, ".85"),
    ("I-52", "customer_value_created", ALWAYS, ALL, AT_LEAST, "1100000"),
]

MILESTONES = [  # pilot (month 6), launch (month 12), scale (month 24)
    ("K-01", "revenue_influenced_by_ai", AT_LEAST, "10000000", "100000000", "500000000"),
    ("K-05", "weekly_active_rate", AT_LEAST, ".70", ".65", ".60"),
    ("K-10", "actions_per_user_week", AT_LEAST, "15", "12", "10"),
    ("K-15", "proposal_acceptance_rate", AT_LEAST, ".60", ".70", ".80"),
    ("K-17", "conversation_actionability_rate", AT_LEAST, ".70", ".60", ".50"),
    ("K-19", "ai_cycle_reduction", AT_LEAST, ".30", ".28", ".25"),
    ("K-19", "ai_sales_cycle_days", AT_MOST, "63", "65", "68"),
    ("K-21", "ai_win_rate_difference", AT_LEAST, ".04", ".04", ".05"),
    ("K-21", "ai_win_rate", AT_LEAST, ".22", ".22", ".23"),
    ("K-23", "ai_attainment_difference", AT_LEAST, ".15", ".12", ".10"),
    ("K-23", "ai_attained_share", AT_LEAST, ".80", ".82", ".85"),
    ("K-25", "nps", AT_LEAST, "50", "55", "60"),
    ("K-29", "mrr", AT_LEAST, "93750", "468750", "4687500"),
    ("K-31", "arr", AT_LEAST, "1125000", "5625000", "56250000"),
    ("K-31", "customer_count", AT_LEAST, "10", "50", "500"),
    ("K-31", "arr_per_customer", AT_LEAST, "112500", "112500", "112500"),
    ("K-32", "cac", AT_MOST, "10000", "8000", "6000"),
    ("K-33", "ltv", AT_LEAST, "350000", "500000", "615000"),
    ("K-33", "gross_margin", AT_LEAST, ".70", ".78", ".82"),
    ("K-33", "logo_churn", AT_MOST, ".20", ".18", ".15"),
    ("K-34", "ltv_to_cac", AT_LEAST, "35", "62.5", "102.5"),
    ("K-35", "cac_payback_months", AT_MOST, "4", "2", ".78"),
]


@pytest.fixture(scope="module")
def targets() -> list[dict[str, str]]:
    with (SEEDS / "targets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_target_of_the_documents_is_there_and_no_other(
    targets: list[dict[str, str]],
) -> None:
    named = [
        (source, metric, ALWAYS, ALL, comparison, "relative_change", Decimal(value))
        for source, metric, comparison, value in CHANGES
    ]
    named += [
        (source, metric, phase, node, comparison, "value", Decimal(value))
        for source, metric, phase, node, comparison, value in VALUES
    ]
    named += [
        (source, metric, phase, ALL, comparison, "value", Decimal(value))
        for source, metric, comparison, *values in MILESTONES
        for phase, value in zip(("M6", "M12", "M24"), values, strict=True)
    ]
    seeded = [
        (
            row["source_id"],
            row["metric"],
            row["phase"],
            row["node_id"],
            row["comparison"],
            row["measured_as"],
            Decimal(row["value"]),
        )
        for row in targets
    ]
    assert Counter(seeded) == Counter(named)


def test_contradicting_sources_stand_side_by_side(targets: list[dict[str, str]]) -> None:
    def of(metric: str, *sources: str) -> dict[str, Decimal]:
        return {
            row["source_id"]: Decimal(row["value"])
            for row in targets
            if row["metric"] == metric
            and row["source_id"] in sources
            and row["node_id"] in {"All", "Professional Edition", "Standard Support"}
        }

    assert of("logo_retention", "P-18", "E-66") == {
        "P-18": Decimal("0.95"),
        "E-66": Decimal("0.97"),
    }
    assert of("nps", "P-18", "E-66") == {"P-18": Decimal(60), "E-66": Decimal(45)}
    assert of("support_response_hours", "E-25", "E-76") == {
        "E-25": Decimal(48),
        "E-76": Decimal(24),
    }
    assert of("bookings_per_seller", "I-48", "I-50") == {
        "I-48": Decimal("0.9"),
        "I-50": Decimal("0.4"),
    }


def test_targets_that_their_own_formula_contradicts_are_kept_as_given(
    targets: list[dict[str, str]],
) -> None:
    """In the pilot the formulas give 393,750 and 1.52 months."""
    given = {
        (row["metric"], row["phase"]): Decimal(row["value"])
        for row in targets
        if row["metric"] in {"ltv", "cac_payback_months"}
    }
    assert given["ltv", "M6"] == 350_000 != Decimal(112_500) * Decimal(".7") / Decimal(".2")
    assert given["cac_payback_months", "M6"] == 4


def test_the_eight_owned_metrics_have_their_owner_cadence_and_tool() -> None:
    with (SEEDS / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    for metrics, owner, cadence, tool in [
        ("revenue_influenced_by_ai", "CEO", "weekly", "Salesforce + Custom Dashboard"),
        ("mrr arr", "CFO", "weekly", "Stripe Dashboard"),
        ("weekly_active_rate feature_adoption_rate", "VP Product", "daily", "Mixpanel"),
        ("lead_score_r2 proposal_acceptance_rate", "Head of AI", "weekly", "Custom Dashboard"),
        ("sales_cycle_days win_rate", "VP Sales", "weekly", "Salesforce Reports"),
        (
            "nps customer_health_score",
            "VP Customer Success",
            "weekly",
            "Delighted (NPS) + Custom Dashboard",
        ),
        ("ltv_to_cac cac_payback_months", "CFO", "monthly", "Excel/Google Sheets"),
        ("nrr", "CFO", "quarterly", "Stripe + Salesforce"),
    ]:
        for metric in metrics.split():
            row = rows[metric]
            assert (row["owner"], row["cadence"], row["tool"]) == (owner, cadence, tool), metric


def test_the_hierarchy_of_metrics_hangs_on_the_north_star() -> None:
    with (SEEDS / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert [name for name, row in rows.items() if not row["parent"]] == ["revenue_influenced_by_ai"]
    for name in rows:
        path = [name]
        while parent := rows[path[-1]]["parent"]:
            assert parent not in path, f"{name} drives itself: {' → '.join([*path, parent])}"
            path.append(parent)
    assert {row["level"] for row in rows.values()} == {"north_star", "input", "output", "business"}
