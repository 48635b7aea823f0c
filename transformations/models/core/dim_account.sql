{%- set attributes = {
    "name": dbt.type_string(),
    "parent_account_id": dbt.type_string(),
    "merged_into_account_id": dbt.type_string(),
    "industry": dbt.type_string(),
    "segment": dbt.type_string(),
    "employee_count": "bigint",
    "annual_revenue": "decimal(18, 2)",
    "country": dbt.type_string(),
    "region": dbt.type_string(),
    "owner_user_id": dbt.type_string(),
    "account_type": dbt.type_string(),
    "website": dbt.type_string(),
    "is_deleted": "boolean",
} -%}

with

versions as (
    select * from {{ ref('int_crm__account_versions') }}
),

referenced as (
    select parent_account_id as id from versions
    union
    select merged_into_account_id as id from versions
    union
    select account_id as id from {{ ref('fct_opportunity') }}
    union
    select account_id as id from {{ ref('fct_activity') }}
    union
    select account_id as id from {{ ref('fct_touchpoint') }}
    union
    select account_id as id from {{ ref('dim_contact') }}
    union
    select converted_account_id as id from {{ ref('dim_lead') }}
),

{{ scd2('account', attributes) }},

final as (
    {{ scd2_members('account', dict(attributes, **{"created_at": "timestamp"})) }}
)

select * from final
