"""How much dirt the company's exports hold: the one place for the rates.

Rates of records are shares of the records of that object (systematically chosen, so that rare
kinds occur in a small company too); rates of rows are shares of exported rows. The table in
docs/guides/demo-company.md repeats them.
"""

RATES: dict[str, float] = {
    # Share of records.
    "near_duplicate_account": 1 / 60,
    "near_duplicate_contact": 1 / 110,
    "near_duplicate_lead": 1 / 90,
    "deleted_account": 1 / 110,
    "deleted_contact": 1 / 130,
    "deleted_lead": 1 / 140,
    "deleted_opportunity": 1 / 90,
    "deleted_task": 1 / 150,
    "deleted_line": 1 / 90,
    "deleted_forecast": 1 / 160,
    "deleted_evidence": 1 / 80,
    "suspected_competitor": 1 / 18,
    "label_for_code": 1 / 45,
    "orphan_opportunity_account": 1 / 160,
    "close_before_creation": 1 / 100,
    "negative_amount": 1 / 110,
    "missing_amount": 1 / 35,
    "unknown_stage": 1 / 120,
    "unknown_currency": 1 / 130,
    "malformed_close_date": 1 / 140,
    "malformed_contact_email": 1 / 80,
    "malformed_lead_email": 1 / 70,
    "malformed_task_date": 1 / 250,
    "territory_overlap": 1 / 12,  # of the accounts, when they move to another territory
    # Injected rows as a share of the object's own records (histories: of the opportunities).
    "orphan_line": 1 / 250,
    "orphan_history": 1 / 150,
    "orphan_contact_role": 1 / 200,
    "orphan_campaign_member": 1 / 250,
    "orphan_competitor": 1 / 60,
    "orphan_evidence": 1 / 400,
    # Share of exported rows.
    "exact_duplicate": 1 / 400,
    "out_of_order": 1 / 250,
    "late_activity": 1 / 80,
    "late_task": 1 / 40,
    "late_forecast": 1 / 120,
    "mixed_time_zone": 1 / 35,
}
