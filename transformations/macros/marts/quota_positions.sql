{#-
    Bookings quotas as they were known on an evening, as CTEs that end in `quota_positions`: one row
    per snapshot_date, period (fiscal quarter) and user. A quota of another length counts with the
    share of its days that lie in the quarter. The first version of a quota counts from the
    beginning of its period at the latest, because a company may have entered it afterwards.

    has_quota_below says that somebody below carries a quota for the same period: such a quota is
    the team's and is left out when quotas are added up.

    The model provides the CTEs `quotas` (fct_quota), `hierarchy` (bridge_user_hierarchy) and
    `forecast_snapshots`.
-#}
{% macro quota_positions() -%}
    known_quotas as (
        select
            forecast_snapshots.snapshot_date,
            forecast_snapshots.period_start,
            quotas.user_id,
            cast(
                sum(
                    quotas.amount * (
                        {{ dbt.datediff(
                            'greatest(quotas.period_start, forecast_snapshots.period_start)',
                            'least(quotas.period_end, ' ~ days_after(
                                1, 'forecast_snapshots.period_end'
                            ) ~ ')',
                            'day'
                        ) }}
                    ) / {{ dbt.datediff('quotas.period_start', 'quotas.period_end', 'day') }}
                ) as decimal(18, 2)
            ) as quota_amount
        from quotas
        inner join forecast_snapshots
            on
                quotas.period_start <= forecast_snapshots.period_end
                and quotas.period_end > forecast_snapshots.period_start
                and (
                    cast(quotas.valid_from as date) <= forecast_snapshots.snapshot_date
                    or (
                        quotas.version_number = 1
                        and quotas.period_start <= forecast_snapshots.snapshot_date
                    )
                )
                and (
                    quotas.valid_to is null
                    or cast(quotas.valid_to as date) > forecast_snapshots.snapshot_date
                )
        where quotas.measure = 'bookings'
        group by
            forecast_snapshots.snapshot_date,
            forecast_snapshots.period_start,
            quotas.user_id
    ),

    quotas_above as (
        select distinct
            above.snapshot_date,
            above.period_start,
            above.user_id
        from known_quotas as above
        inner join hierarchy
            on
                above.user_id = hierarchy.ancestor_user_id
                and hierarchy.depth > 0
                and {{ holds_at('hierarchy', end_of_day('above.snapshot_date')) }}
        inner join known_quotas as below
            on
                hierarchy.descendant_user_id = below.user_id
                and above.snapshot_date = below.snapshot_date
                and above.period_start = below.period_start
    ),

    quota_positions as (
        select
            known_quotas.snapshot_date,
            known_quotas.period_start,
            known_quotas.user_id,
            known_quotas.quota_amount,
            quotas_above.user_id is not null as has_quota_below
        from known_quotas
        left join quotas_above
            on
                known_quotas.snapshot_date = quotas_above.snapshot_date
                and known_quotas.period_start = quotas_above.period_start
                and known_quotas.user_id = quotas_above.user_id
    )
{%- endmacro %}

{#- The quota of a node from quota_positions joined to its nodes: the sum of the quotas that are not
    a team's; a manager's own quota for the team takes its place in the manager's node. -#}
{% macro node_quota(positions, nodes) -%}
    cast(
        coalesce(
            sum(
                case
                    when
                        {{ positions }}.has_quota_below
                        and {{ nodes }}.node_type = 'manager'
                        and {{ nodes }}.node_id = {{ positions }}.user_id
                        then {{ positions }}.quota_amount
                end
            ),
            sum(case when not {{ positions }}.has_quota_below then {{ positions }}.quota_amount end)
        ) as decimal(18, 2)
    )
{%- endmacro %}
