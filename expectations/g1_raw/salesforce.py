"""What is expected of the rows of a Salesforce export; parents stand before their children."""

from __future__ import annotations

from expectations import row_rules as rule
from expectations.g1_raw.objects import CURRENCY_LIST, STAGE_MAP, RawObject
from expectations.row_rules import RowRule

_MODIFIED = rule.any_present(
    ("SystemModstamp", "LastModifiedDate"), "export when the record was last changed"
)


def _record(
    name: str,
    *rules: RowRule,
    required: tuple[str, ...] = (),
    created: bool = True,
) -> RawObject:
    """An object with Salesforce's own system fields: Id, CreatedDate, SystemModstamp."""
    system_fields = [rule.key("Id")]
    if created:
        system_fields.append(rule.timestamp("CreatedDate", required=True))
    system_fields += [rule.timestamp("SystemModstamp"), _MODIFIED]
    always = ("Id", "CreatedDate") if created else ("Id",)
    return RawObject(
        name=name,
        key="Id",
        rules=(*system_fields, *rules),
        required=(*always, *required),
        versioned_by="SystemModstamp",
        recorded_at="SystemModstamp",
    )


_OPPORTUNITY_STATE = (
    rule.present("StageName", "give every opportunity a stage"),
    rule.stage("StageName", STAGE_MAP),
    rule.day("CloseDate", required=True),
    rule.number("Amount", minimum=0),
    rule.number("Probability", minimum=0, maximum=100),
    rule.currency("CurrencyIsoCode", CURRENCY_LIST),
)

_CHANGES_STAGE = "\"Field\" = 'StageName'"
_CHANGES_AMOUNT = "\"Field\" = 'Amount'"

OBJECTS: tuple[RawObject, ...] = (
    _record("UserRole", created=False),
    _record(
        "User",
        rule.present("Name", "give every user a name", severity="warning"),
        rule.email("Email"),
        rule.day("Hire_Date__c", severity="warning"),
        rule.day("Termination_Date__c", severity="warning"),
    ),
    _record("Territory2", created=False),
    _record("Product2", rule.number("ListPrice__c", minimum=0, severity="warning")),
    _record(
        "DatedConversionRate",
        rule.currency("IsoCode", CURRENCY_LIST, required=True),
        rule.day("StartDate", required=True),
        rule.day("NextStartDate"),
        rule.number("ConversionRate", above=0, required=True),
        required=("IsoCode", "StartDate", "ConversionRate"),
    ),
    _record(
        "Account",
        rule.present("Name", "give every account a name", severity="warning"),
        rule.size("NumberOfEmployees"),
        rule.number("AnnualRevenue", minimum=0, severity="warning"),
        required=("Name",),
    ),
    _record(
        "Contact",
        rule.email("Email"),
        rule.child_of("AccountId", "Account", required=False, severity="warning"),
    ),
    _record(
        "Campaign",
        rule.day("StartDate", severity="warning"),
        rule.day("EndDate", severity="warning"),
        rule.number("BudgetedCost", minimum=0, severity="warning"),
        rule.number("ActualCost", minimum=0, severity="warning"),
    ),
    _record(
        "Opportunity",
        *_OPPORTUNITY_STATE,
        rule.present("OwnerId", "give every opportunity an owner", severity="warning"),
        rule.child_of("AccountId", "Account", required=False, severity="warning"),
        rule.in_order("CreatedDate", "CloseDate", severity="warning"),
        required=("StageName", "CloseDate"),
    ),
    _record(
        "Lead",
        rule.email("Email"),
        rule.day("ConvertedDate", severity="warning"),
        rule.child_of("ConvertedOpportunityId", "Opportunity", required=False, severity="warning"),
    ),
    RawObject(
        name="OpportunityHistory",
        key="Id",
        rules=(
            rule.key("Id"),
            rule.timestamp("CreatedDate", required=True),
            rule.timestamp("SystemModstamp"),
            rule.child_of("OpportunityId", "Opportunity"),
            *_OPPORTUNITY_STATE,
        ),
        required=("Id", "CreatedDate", "OpportunityId", "StageName", "CloseDate"),
        recorded_at="CreatedDate",
    ),
    RawObject(
        name="OpportunityFieldHistory",
        key="Id",
        rules=(
            rule.key("Id"),
            rule.timestamp("CreatedDate", required=True),
            rule.child_of("OpportunityId", "Opportunity"),
            rule.present("Field", "export which field changed"),
            rule.stage("NewValue", STAGE_MAP, when=_CHANGES_STAGE),
            rule.number("NewValue", minimum=0, when=_CHANGES_AMOUNT),
        ),
        required=("Id", "CreatedDate", "OpportunityId", "Field"),
        recorded_at="CreatedDate",
    ),
    _record(
        "OpportunityLineItem",
        rule.child_of("OpportunityId", "Opportunity"),
        rule.number("Quantity", above=0, required=True),
        rule.number("UnitPrice", minimum=0),
        rule.number("TotalPrice", minimum=0),
        rule.child_of("Product2Id", "Product2", required=False, severity="warning"),
        required=("OpportunityId", "Quantity"),
    ),
    _record(
        "OpportunityCompetitor",
        rule.child_of("OpportunityId", "Opportunity"),
        rule.present("CompetitorName", "name the competitor"),
        required=("OpportunityId", "CompetitorName"),
    ),
    _record(
        "OpportunityContactRole",
        rule.child_of("OpportunityId", "Opportunity"),
        rule.present("ContactId", "say which contact has the role"),
        rule.child_of("ContactId", "Contact", required=False, severity="warning"),
        required=("OpportunityId", "ContactId"),
    ),
    _record(
        "ObjectTerritory2Association",
        rule.child_of("ObjectId", "Account"),
        rule.child_of("Territory2Id", "Territory2"),
        created=False,
        required=("ObjectId", "Territory2Id"),
    ),
    _record(
        "UserTerritory2Association",
        rule.child_of("UserId", "User"),
        rule.child_of("Territory2Id", "Territory2"),
        created=False,
        required=("UserId", "Territory2Id"),
    ),
    _record(
        "OpportunitySplitType",
        rule.present("IsTotalValidated", "say whether its splits sum to 100", severity="warning"),
    ),
    _record(
        "OpportunitySplit",
        rule.child_of("OpportunityId", "Opportunity"),
        rule.child_of("SplitTypeId", "OpportunitySplitType", required=False, severity="warning"),
        rule.number("SplitPercentage", minimum=0, maximum=100, required=True),
        required=("OpportunityId", "SplitPercentage"),
    ),
    _record(
        "Stage_Evidence__c",
        rule.child_of("Opportunity__c", "Opportunity"),
        rule.present("Stage__c", "say which stage the criterion belongs to"),
        rule.stage("Stage__c", STAGE_MAP),
        rule.present("Criterion__c", "say which criterion is meant"),
        rule.one_of("Is_Met__c", ("true", "false", "1", "0")),
        required=("Opportunity__c", "Stage__c", "Criterion__c", "Is_Met__c"),
    ),
    _record(
        "CampaignMember",
        rule.child_of("CampaignId", "Campaign", if_any=True),
        rule.any_present(
            ("LeadId", "ContactId"), "say which person is a member", severity="warning"
        ),
        rule.child_of("LeadId", "Lead", required=False, severity="warning"),
        rule.child_of("ContactId", "Contact", required=False, severity="warning"),
        rule.day("FirstRespondedDate", severity="warning"),
        required=("CampaignId",),
    ),
    _record(
        "Task",
        rule.day("ActivityDate", severity="warning"),
        rule.timestamp("CompletedDateTime", severity="warning"),
        rule.number("CallDurationInSeconds", minimum=0),
    ),
    _record(
        "Event",
        rule.any_present(
            ("StartDateTime", "ActivityDateTime", "ActivityDate"), "export when the event begins"
        ),
        rule.timestamp("StartDateTime"),
        rule.timestamp("EndDateTime", severity="warning"),
        rule.number("DurationInMinutes", minimum=0),
        rule.in_order("StartDateTime", "EndDateTime"),
    ),
    _record(
        "ForecastSubmission__c",
        rule.present("OwnerId", "say who submitted the call"),
        rule.day("PeriodStart__c", required=True),
        rule.day("PeriodEnd__c"),
        rule.in_order("PeriodStart__c", "PeriodEnd__c"),
        rule.present("ForecastCategory__c", "say which category is called"),
        rule.number("Amount__c", required=True),
        rule.currency("CurrencyIsoCode", CURRENCY_LIST),
        required=("OwnerId", "PeriodStart__c", "ForecastCategory__c", "Amount__c"),
    ),
    _record(
        "ForecastingQuota",
        rule.present("QuotaOwnerId", "say whose quota it is"),
        rule.day("StartDate", required=True),
        rule.number("QuotaAmount", minimum=0),
        rule.number("QuotaQuantity", minimum=0),
        rule.any_present(("QuotaAmount", "QuotaQuantity"), "give the quota an amount or a number"),
        rule.currency("CurrencyIsoCode", CURRENCY_LIST),
        required=("QuotaOwnerId", "StartDate"),
    ),
)
