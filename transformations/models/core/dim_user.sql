{%- set attributes = {
    "name": dbt.type_string(),
    "email": dbt.type_string(),
    "role": dbt.type_string(),
    "role_name": dbt.type_string(),
    "title": dbt.type_string(),
    "manager_user_id": dbt.type_string(),
    "region": dbt.type_string(),
    "team": dbt.type_string(),
    "is_active": "boolean",
    "hired_on": "date",
    "left_on": "date",
    "time_zone": dbt.type_string(),
    "is_deleted": "boolean",
} -%}

with

versions as (
    select * from {{ ref('int_crm__user_versions') }}
),

referenced as (
    select manager_user_id as id from versions
    union
    select changed_by_user_id as id from {{ ref('fct_opportunity_event') }}
    union
    select new_value as id from {{ ref('fct_opportunity_event') }}
    where field = 'owner_user_id'
    union
    select user_id as id from {{ ref('fct_activity') }}
    union
    select user_id as id from {{ ref('fct_quota') }}
    union
    select submitter_user_id as id from {{ ref('fct_forecast_submission') }}
    union
    select subject_user_id as id from {{ ref('fct_forecast_submission') }}
    union
    select user_id as id from {{ ref('int_crm__opportunity_splits') }}
    union
    select user_id as id from {{ ref('int_crm__territory_users') }}
    union
    select owner_user_id as id from {{ ref('dim_account') }}
    union
    select owner_user_id as id from {{ ref('dim_contact') }}
    union
    select owner_user_id as id from {{ ref('dim_lead') }}
),

{{ scd2('user', attributes) }},

final as (
    {{ scd2_members('user', dict(attributes, **{"created_at": "timestamp"})) }}
)

select * from final
