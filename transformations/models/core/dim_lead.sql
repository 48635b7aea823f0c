{%- set attributes = {
    "name": dbt.type_string(),
    "email": dbt.type_string(),
    "company": dbt.type_string(),
    "title": dbt.type_string(),
    "status": dbt.type_string(),
    "lead_source": dbt.type_string(),
    "industry": dbt.type_string(),
    "rating": dbt.type_string(),
    "country": dbt.type_string(),
    "region": dbt.type_string(),
    "employee_count": "bigint",
    "owner_user_id": dbt.type_string(),
    "is_converted": "boolean",
    "converted_at": "timestamp",
    "converted_account_id": dbt.type_string(),
    "converted_contact_id": dbt.type_string(),
    "converted_opportunity_id": dbt.type_string(),
    "is_email_valid": "boolean",
    "is_deleted": "boolean",
} -%}

with

versions as (
    select * from {{ ref('int_crm__lead_versions') }}
),

referenced as (
    select person_lead_id as id from {{ ref('fct_activity') }}
    union
    select lead_id as id from {{ ref('fct_touchpoint') }}
    union
    select lead_id as id from {{ ref('fct_campaign_member') }}
),

{{ scd2('lead', attributes) }},

final as (
    {{ scd2_members('lead', dict(attributes, **{"created_at": "timestamp"})) }}
)

select * from final
