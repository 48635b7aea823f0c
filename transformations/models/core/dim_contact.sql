{%- set attributes = {
    "account_id": dbt.type_string(),
    "name": dbt.type_string(),
    "email": dbt.type_string(),
    "title": dbt.type_string(),
    "department": dbt.type_string(),
    "lead_source": dbt.type_string(),
    "owner_user_id": dbt.type_string(),
    "merged_into_contact_id": dbt.type_string(),
    "is_email_valid": "boolean",
    "is_deleted": "boolean",
} -%}

with

versions as (
    select * from {{ ref('int_crm__contact_versions') }}
),

referenced as (
    select merged_into_contact_id as id from versions
    union
    select person_contact_id as id from {{ ref('fct_activity') }}
    union
    select contact_id as id from {{ ref('fct_touchpoint') }}
    union
    select contact_id as id from {{ ref('fct_campaign_member') }}
    union
    select converted_contact_id as id from {{ ref('dim_lead') }}
    union
    select contact_id as id from {{ ref('int_crm__opportunity_contacts') }}
),

{{ scd2('contact', attributes) }},

final as (
    {{ scd2_members('contact', dict(attributes, **{"created_at": "timestamp"})) }}
)

select * from final
