{#-
    A slowly changing dimension of type 2 from the versions of an entity, as CTEs that end in
    `dated` and `inferred`, and `scd2_members()`, their union with a key.

    The model provides the CTE `versions` (one row per entity and modified_at) and the CTE
    `referenced` (one column, `id`: every id that something refers to, nulls and repeats allowed).

    - Consecutive versions that agree in every attribute are one version.
    - The first version holds from the creation of the entity on, from the beginning of time where no
      source says when that was; a version ends where the next one begins (valid_to is exclusive),
      the last one is open.
    - An id that something refers to and no source has becomes an inferred member, so that every
      reference resolves: its attributes are null and it is valid from the beginning of time.

    entity       'account' gives account_id and account_key
    attributes   the columns whose change makes a new version
-#}
{% macro scd2(entity, attributes) -%}
    fingerprinted as (
        select
            versions.*,
            {%- for attribute in attributes %}
            coalesce(cast({{ attribute }} as {{ dbt.type_string() }}), '~') || '|'
            {{- " ||" if not loop.last else " as fingerprint" }}
            {%- endfor %}
        from versions
    ),

    compared as (
        select
            fingerprinted.*,
            lag(fingerprint) over (
                partition by {{ entity }}_id
                order by modified_at
            ) as previous_fingerprint
        from fingerprinted
    ),

    changed as (
        select
            compared.*,
            row_number() over (
                partition by {{ entity }}_id
                order by modified_at
            ) as version_number
        from compared
        where
            previous_fingerprint is null
            or fingerprint <> previous_fingerprint
    ),

    dated as (
        select
            changed.*,
            case
                when version_number = 1
                    then least(
                        coalesce(created_at, cast('1900-01-01 00:00:00' as timestamp)),
                        modified_at
                    )
                else modified_at
            end as valid_from,
            lead(modified_at) over (
                partition by {{ entity }}_id
                order by version_number
            ) as valid_to
        from changed
    ),

    inferred as (
        select distinct referenced.id as {{ entity }}_id
        from referenced
        left join versions
            on referenced.id = versions.{{ entity }}_id
        where
            referenced.id is not null
            and versions.{{ entity }}_id is null
    )
{%- endmacro %}

{#- columns: name → type of the attributes and of what is carried along without being compared, in
    the order of the model's columns. -#}
{% macro scd2_members(entity, columns) -%}
    select
        {{ dbt.hash(entity ~ "_id || '|' || cast(valid_from as " ~ dbt.type_string() ~ ")") }}
            as {{ entity }}_key,
        {{ entity }}_id,
        source_system,
        source_id,
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        valid_from,
        valid_to,
        valid_to is null as is_current,
        false as is_inferred
    from dated
    union all
    select
        {{ dbt.hash(entity ~ "_id") }} as {{ entity }}_key,
        {{ entity }}_id,
        {{ system_of('inferred.' ~ entity ~ '_id') }} as source_system,
        {{ source_id_of('inferred.' ~ entity ~ '_id') }} as source_id,
        {%- for column, type in columns.items() %}
        {{ "false" if column == "is_deleted" else "cast(null as " ~ type ~ ")" }} as {{ column }},
        {%- endfor %}
        cast('1900-01-01 00:00:00' as timestamp) as valid_from,
        cast(null as timestamp) as valid_to,
        true as is_current,
        true as is_inferred
    from inferred
{%- endmacro %}

{#- The two halves of a warehouse-wide id `<source_system>:<source id>`. -#}
{% macro system_of(id) -%}
    {{ dbt.split_part(id, "':'", 1) }}
{%- endmacro %}

{% macro source_id_of(id) -%}
    substring({{ id }}, length({{ dbt.split_part(id, "':'", 1) }}) + 2)
{%- endmacro %}
