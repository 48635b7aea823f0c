with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

splits as (
    select * from {{ ref('int_crm__opportunity_splits') }}
    where not is_deleted and source_share > 0
),

user_versions as (
    select * from {{ ref('dim_user') }}
),

-- a user's splits of one deal count together; one without a user is the owner's
given as (
    select
        opportunities.opportunity_id,
        splits.role_type,
        coalesce(splits.user_id, opportunities.owner_user_id) as user_id,
        min(splits.source_id) as source_id,
        cast(sum(splits.source_share) as decimal(18, 6)) as source_share
    from splits
    inner join opportunities on splits.opportunity_id = opportunities.opportunity_id
    group by
        opportunities.opportunity_id,
        splits.role_type,
        coalesce(splits.user_id, opportunities.owner_user_id)
),

given_totals as (
    select
        opportunity_id,
        role_type,
        cast(sum(source_share) as decimal(18, 6)) as given_share
    from given
    group by opportunity_id, role_type
),

-- what the sellers' splits leave over is the owner's; without a split that is the whole deal
remainders as (
    select
        opportunities.opportunity_id,
        'revenue' as role_type,
        opportunities.owner_user_id as user_id,
        cast(1 - coalesce(given_totals.given_share, 0) as decimal(18, 6)) as remainder
    from opportunities
    left join given_totals
        on
            opportunities.opportunity_id = given_totals.opportunity_id
            and given_totals.role_type = 'revenue'
    where coalesce(given_totals.given_share, 0) < 1
),

parts as (
    select
        opportunity_id,
        role_type,
        user_id,
        source_id,
        source_share,
        source_share as weight,
        0 as is_remainder
    from given
    union all
    select
        opportunity_id,
        role_type,
        user_id,
        cast(null as {{ dbt.type_string() }}) as source_id,
        cast(null as decimal(18, 6)) as source_share,
        remainder as weight,
        1 as is_remainder
    from remainders
),

weighted as (
    select
        opportunity_id,
        role_type,
        user_id,
        max(source_id) as source_id,
        max(source_share) as source_share,
        cast(sum(weight) as decimal(18, 6)) as weight,
        max(is_remainder) = 1 as has_remainder
    from parts
    group by opportunity_id, role_type, user_id
),

-- the greatest part first; the last one has what is left of the whole
cumulated as (
    select
        weighted.*,
        given_totals.given_share,
        row_number() over (
            partition by weighted.opportunity_id, weighted.role_type
            order by weighted.weight desc, coalesce(weighted.user_id, '')
        ) as place,
        cast(
            round(
                cast(
                    sum(weighted.weight) over (
                        partition by weighted.opportunity_id, weighted.role_type
                        order by weighted.weight desc, coalesce(weighted.user_id, '')
                        rows between unbounded preceding and current row
                    ) as double
                )
                / cast(
                    sum(weighted.weight) over (
                        partition by weighted.opportunity_id, weighted.role_type
                    ) as double
                ),
                6
            ) as decimal(9, 6)
        ) as cumulative_share
    from weighted
    left join given_totals
        on
            weighted.opportunity_id = given_totals.opportunity_id
            and weighted.role_type = given_totals.role_type
),

shared as (
    select
        *,
        cast(
            cumulative_share
            - coalesce(
                lag(cumulative_share) over (
                    partition by opportunity_id, role_type
                    order by place
                ),
                0
            ) as decimal(9, 6)
        ) as credit_share
    from cumulated
),

credited as (
    select
        shared.*,
        opportunities.source_system,
        opportunities.owner_user_id,
        opportunities.currency_code,
        case when not opportunities.is_open then opportunities.close_date end as credited_date,
        case when not opportunities.is_open then opportunities.closed_at end as credited_at,
        {% for amount in ['amount', 'amount_local', 'amount_constant'] -%}
        {{ apportioned(
            'opportunities.' ~ amount, 'shared.cumulative_share', 'shared.credit_share'
        ) }} as {{ amount }},
        {% endfor -%}
        case
            when shared.given_share is null then 'owner'
            when shared.has_remainder then 'remainder'
            when shared.given_share = 1 then 'given'
            when shared.role_type = 'revenue' and shared.given_share < 1 then 'given'
            else 'scaled'
        end as share_rule
    from shared
    inner join opportunities on shared.opportunity_id = opportunities.opportunity_id
),

-- the first version of a user is taken to have held before
user_spans as (
    {{ held_versions('user_versions', 'user_id') }}
),

final as (
    select
        {{ dbt.hash(
            "credited.opportunity_id || '|' || credited.role_type || '|' "
            ~ "|| coalesce(credited.user_id, '')"
        ) }} as split_key,
        credited.opportunity_id,
        credited.user_id,
        credited.role_type,
        credited.source_system,
        credited.source_id,
        credited.credit_share,
        cast(credited.source_share as decimal(9, 4)) as source_share,
        credited.share_rule,
        coalesce(credited.user_id = credited.owner_user_id, credited.owner_user_id is null)
            as is_owner,
        credited.amount,
        credited.amount_local,
        credited.amount_constant,
        credited.currency_code,
        credited.credited_date,
        credited.credited_at,
        user_spans.role as stamped_role,
        user_spans.manager_user_id as stamped_manager_user_id,
        user_spans.team as stamped_team,
        user_spans.region as stamped_region
    from credited
    left join user_spans
        on
            credited.user_id = user_spans.user_id
            and {{ holds_at(
                'user_spans',
                "coalesce(credited.credited_at, cast('9999-12-31 00:00:00' as timestamp))",
                since='held_from'
            ) }}
)

select * from final
