{#- Lines of more levels than this are cut: nobody is that far from the top. -#}
{%- set levels = 10 -%}

with

users as (
    select * from {{ ref('dim_user') }}
),

reporting_lines as (
    {{ spells('users', 'user_id', 'manager_user_id') }}
),

-- the path keeps a circle of managers from going round
level_0 as (
    select distinct
        user_id as ancestor_user_id,
        user_id as descendant_user_id,
        cast('1900-01-01 00:00:00' as timestamp) as valid_from,
        cast(null as timestamp) as valid_to,
        '|' || user_id || '|' as path
    from users
),

{% for level in range(1, levels + 1) -%}
level_{{ level }} as (
    select
        reporting_lines.manager_user_id as ancestor_user_id,
        below.descendant_user_id,
        greatest(below.valid_from, reporting_lines.valid_from) as valid_from,
        case
            when below.valid_to is null then reporting_lines.valid_to
            when reporting_lines.valid_to is null then below.valid_to
            else least(below.valid_to, reporting_lines.valid_to)
        end as valid_to,
        below.path || reporting_lines.manager_user_id || '|' as path
    from level_{{ level - 1 }} as below
    inner join reporting_lines
        on
            below.ancestor_user_id = reporting_lines.user_id
            and (below.valid_to is null or below.valid_to > reporting_lines.valid_from)
            and (reporting_lines.valid_to is null or below.valid_from < reporting_lines.valid_to)
    where
        reporting_lines.manager_user_id is not null
        and below.path not like '%|' || reporting_lines.manager_user_id || '|%'
),

{% endfor -%}

lines as (
    {% for level in range(levels + 1) -%}
    select
        ancestor_user_id,
        descendant_user_id,
        {{ level }} as depth,
        valid_from,
        valid_to
    from level_{{ level }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

-- a new manager in between who has the same manager leaves the line to the top as it was
compared as (
    select
        *,
        case
            when
                valid_from = lag(valid_to) over (
                    partition by ancestor_user_id, descendant_user_id, depth
                    order by valid_from
                )
                then 0
            else 1
        end as is_change
    from lines
),

numbered as (
    select
        *,
        sum(is_change) over (
            partition by ancestor_user_id, descendant_user_id, depth
            order by valid_from
            rows between unbounded preceding and current row
        ) as spell_number
    from compared
),

final as (
    select
        ancestor_user_id,
        descendant_user_id,
        depth,
        min(valid_from) as valid_from,
        case when count(*) = count(valid_to) then max(valid_to) end as valid_to,
        count(*) > count(valid_to) as is_current
    from numbered
    group by ancestor_user_id, descendant_user_id, depth, spell_number
)

select * from final
