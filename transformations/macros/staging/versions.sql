{#- Versions of records. A relation given to these macros has modified_at (when the version was
    recorded), created_at (of the record, may be null), load_id and source_row. The time at which a
    version counts is modified_at. A record that has no version up to as_of_date but was created by
    then counts with its earliest one, because a first full export has only today's. -#}

{#- A select of one row per key: the latest version as of as_of_date. -#}
{% macro latest_version(relation, key='source_id') -%}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key }}
                order by
                    case when is_visible then modified_at end desc nulls last,
                    case when is_visible then load_id end desc nulls last,
                    case when is_visible then source_row end desc nulls last,
                    modified_at asc,
                    load_id asc,
                    source_row asc
            ) as version_rank
        from (
            select
                *,
                modified_at < {{ as_of_end() }} as is_visible
            from {{ relation }}
            where
                modified_at < {{ as_of_end() }}
                or coalesce(created_at < {{ as_of_end() }}, true)
        ) as versions
    ) as ranked_versions
    where version_rank = 1
{%- endmacro %}


{#- A select of the versions that count as of as_of_date, with version_number (from 1). -#}
{% macro visible_versions(relation, key='source_id') -%}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key }} order by modified_at, load_id
            ) as version_number
        from {{ relation }}
    ) as numbered_versions
    where
        modified_at < {{ as_of_end() }}
        or (version_number = 1 and coalesce(created_at < {{ as_of_end() }}, true))
{%- endmacro %}


{#- A select of one row per key: of rows that were loaded more than once the last. -#}
{% macro last_loaded(relation, key) -%}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key }} order by load_id desc, source_row desc
            ) as load_rank
        from {{ relation }}
    ) as ranked_loads
    where load_rank = 1
{%- endmacro %}
