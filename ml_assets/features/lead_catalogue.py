"""The features of the lead score: name, kind, family, and the words in which reasons name them.

Every theme belongs to a family: `fit` says who the lead is, `engagement` what it has done,
`handling` what has been done about it. The fit and the engagement score are the model's
contributions of their families; handling counts in the score alone.
"""

from __future__ import annotations

from typing import Literal

from ml_assets.features.catalogue import Feature, Kind

Family = Literal["fit", "engagement", "handling"]

_FAMILIES: tuple[tuple[Family, str, tuple[tuple[str, Kind, str], ...]], ...] = (
    (
        "fit",
        "Source",
        (
            ("lead_source", "category", "source"),
            ("campaigns_total", "number", "campaigns that it is a member of"),
        ),
    ),
    ("fit", "Rating", (("rating", "category", "rating"),)),
    (
        "fit",
        "Company",
        (
            ("industry", "category", "industry"),
            ("employee_count", "number", "employees"),
            ("region", "category", "region"),
        ),
    ),
    (
        "fit",
        "Person",
        (
            ("seniority", "category", "seniority"),
            ("job_function", "category", "function"),
            ("is_email_valid", "boolean", "address has the form of one"),
            ("is_duplicate", "boolean", "an earlier lead has the same address"),
        ),
    ),
    (
        "fit",
        "Account",
        (
            ("has_account", "boolean", "the company is an account"),
            ("account_segment", "category", "account's segment"),
            ("account_deal_count", "number", "account's deals"),
            ("account_won_count", "number", "account's won deals"),
            ("account_lost_count", "number", "account's lost deals"),
            ("account_open_count", "number", "account's open deals"),
            ("company_other_leads", "number", "other leads of the company"),
            ("company_converted_count", "number", "converted leads of the company"),
        ),
    ),
    (
        "engagement",
        "Answers",
        (
            ("answers_total", "number", "answers in all"),
            ("answers_7d", "number", "answers in 7 days"),
            ("answers_30d", "number", "answers in 30 days"),
            ("answers_decayed", "number", "answers, fading"),
            ("answers_per_week", "number", "answers per week since it came"),
            ("replies_total", "number", "e-mails from the lead"),
            ("calls_in_total", "number", "calls from the lead"),
            ("talks_total", "number", "calls connected"),
            ("meetings_total", "number", "meetings held"),
            ("days_since_answer", "number", "days since an answer"),
        ),
    ),
    (
        "engagement",
        "Website and forms",
        (
            ("views_total", "number", "pages viewed"),
            ("views_7d", "number", "pages viewed in 7 days"),
            ("views_30d", "number", "pages viewed in 30 days"),
            ("visit_days_total", "number", "days with a visit"),
            ("visit_days_per_week", "number", "days with a visit per week since it came"),
            ("days_since_view", "number", "days since a visit"),
            ("forms_total", "number", "forms filled in"),
            ("forms_since_arrival", "number", "forms filled in after it came"),
        ),
    ),
    (
        "engagement",
        "Mailings",
        (
            ("mailings_total", "number", "mailings sent"),
            ("opens_total", "number", "mailings opened"),
            ("clicks_total", "number", "clicks in mailings"),
            ("open_share", "number", "share of mailings opened"),
            ("bounces_total", "number", "mailings that bounced"),
            ("unsubscribes_total", "number", "unsubscribed"),
        ),
    ),
    (
        "engagement",
        "Signs of interest",
        (
            ("signals_total", "number", "answers, days with a visit, forms, opens and clicks"),
            ("signals_per_week", "number", "such signs per week since it came"),
            ("interest_decayed", "number", "pages, forms, opens and clicks, fading"),
            ("days_since_interest", "number", "days since the last of them"),
        ),
    ),
    (
        "handling",
        "Age and status",
        (
            ("age_days", "number", "days since it came"),
            ("lead_stage", "category", "stage"),
            ("days_in_stage", "number", "days in stage"),
            ("step_count", "number", "stages entered"),
            ("recycle_count", "number", "times put back to nurture"),
            ("return_count", "number", "times taken up again"),
        ),
    ),
    (
        "handling",
        "Response",
        (
            ("hours_to_first_touch", "number", "hours to the first contact"),
            ("hours_to_acceptance", "number", "hours to being worked on"),
            ("outreach_total", "number", "contacts by sellers"),
            ("outreach_7d", "number", "contacts by sellers in 7 days"),
            ("outreach_30d", "number", "contacts by sellers in 30 days"),
            ("automated_total", "number", "automatic messages"),
            ("days_since_outreach", "number", "days since a contact"),
        ),
    ),
    (
        "handling",
        "Owner",
        (
            ("owner_conversion_rate", "number", "share of the owner's leads converted so far"),
            ("owner_change_count", "number", "changes of owner"),
        ),
    ),
)

LEAD_FEATURES: tuple[Feature, ...] = tuple(
    Feature(name, kind, theme, label)
    for _, theme, features in _FAMILIES
    for name, kind, label in features
)

FAMILY_OF_THEME: dict[str, Family] = {theme: family for family, theme, _ in _FAMILIES}

HALF_LIVES = (3, 7, 14, 30)
"""Days after which an engagement counts half: the candidates that a training chooses from."""

DECAYED = ("answers_decayed", "interest_decayed")
"""Features that fade; the frame holds them once for each half-life, `<name>_<days>d`."""
