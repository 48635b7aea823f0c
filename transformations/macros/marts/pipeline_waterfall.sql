{#- The bars of a waterfall in the order in which they are shown. -#}
{% macro pipeline_buckets() -%}
    {{ return([
        "start", "created", "pulled_in", "increased", "reopened", "scope_in", "decreased", "pushed",
        "won", "lost", "deleted", "scope_out", "currency", "end"
    ]) }}
{%- endmacro %}

{#-
    The waterfall of the changes of `pipeline_changes`, for every node of the sales organisation, as
    CTEs that end in `pipeline_waterfall`: one row per from_date, to_date, due_from, due_to,
    hierarchy, node_type, node_id and bucket, with signed amounts, so that start and the bars
    between add up to end.

    The model provides the CTE `user_nodes` (bridge_user_node). hierarchy says whose node a deal
    counts for: 'stamped' is the organisation as it was (on the first evening for the start, on the
    second for the rest, on the day on which it left for a deal that left), 'current' the
    organisation as it is now.

    A deal whose start and rest belong to different nodes was handed over: with its opening amount
    it is scope_out of the one and scope_in of the other, and whatever else happened to it happened
    in the other. So every bar of the regions, teams or reps adds up to the company's, and the two
    changes of scope cancel out.

    A bar is there when it has deals; start and end are there for every node that has any bar.
-#}
{% macro pipeline_waterfall() -%}
    bars as (
        select
            *,
            'start' as bar,
            opening_amount as bar_amount,
            opening_amount_constant as bar_amount_constant
        from pipeline_changes
        where was_in
        union all
        select
            *,
            bucket as bar,
            closing_amount - opening_amount as bar_amount,
            closing_amount_constant - opening_amount_constant as bar_amount_constant
        from pipeline_changes
        where bucket <> 'kept'
        union all
        select
            *,
            case when change_amount_local > 0 then 'increased' else 'decreased' end as bar,
            change_amount as bar_amount,
            closing_amount_constant - opening_amount_constant as bar_amount_constant
        from pipeline_changes
        where bucket = 'kept' and change_amount_local <> 0
        union all
        select
            *,
            'currency' as bar,
            currency_amount as bar_amount,
            cast(0 as decimal(18, 2)) as bar_amount_constant
        from pipeline_changes
        where bucket = 'kept' and currency_amount <> 0
        union all
        select
            *,
            'end' as bar,
            closing_amount as bar_amount,
            closing_amount_constant as bar_amount_constant
        from pipeline_changes
        where is_in
    ),

    -- before the nodes multiply them
    owner_bars as (
        select
            from_date,
            to_date,
            due_from,
            due_to,
            opening_owner_user_id,
            opening_day,
            closing_owner_user_id,
            closing_day,
            bar as bucket,
            count(*) as opportunity_count,
            sum(bar_amount) as amount,
            sum(bar_amount_constant) as amount_constant
        from bars
        group by
            from_date,
            to_date,
            due_from,
            due_to,
            opening_owner_user_id,
            opening_day,
            closing_owner_user_id,
            closing_day,
            bar
    ),

    hand_overs as (
        select distinct
            opening_owner_user_id,
            opening_day,
            closing_owner_user_id,
            closing_day
        from owner_bars
    ),

    owner_days as (
        select
            opening_owner_user_id as user_id,
            opening_day as date_day
        from hand_overs
        union
        select
            closing_owner_user_id as user_id,
            closing_day as date_day
        from hand_overs
    ),

    owner_nodes as (
        {{ nodes_of_owner_days('owner_days', 'user_nodes') }}
    ),

    placements as (
        select
            hand_overs.*,
            owner_nodes.hierarchy,
            owner_nodes.node_type,
            owner_nodes.node_id,
            owner_nodes.node_name,
            true as is_opening,
            false as is_closing
        from hand_overs
        inner join owner_nodes
            on
                hand_overs.opening_owner_user_id = owner_nodes.user_id
                and hand_overs.opening_day = owner_nodes.date_day
        union all
        select
            hand_overs.*,
            owner_nodes.hierarchy,
            owner_nodes.node_type,
            owner_nodes.node_id,
            owner_nodes.node_name,
            false as is_opening,
            true as is_closing
        from hand_overs
        inner join owner_nodes
            on
                hand_overs.closing_owner_user_id = owner_nodes.user_id
                and hand_overs.closing_day = owner_nodes.date_day
    ),

    node_placements as (
        select
            opening_owner_user_id,
            opening_day,
            closing_owner_user_id,
            closing_day,
            hierarchy,
            node_type,
            node_id,
            node_name,
            max(case when is_opening then 1 else 0 end) = 1 as is_opening,
            max(case when is_closing then 1 else 0 end) = 1 as is_closing
        from placements
        group by
            opening_owner_user_id,
            opening_day,
            closing_owner_user_id,
            closing_day,
            hierarchy,
            node_type,
            node_id,
            node_name
    ),

    placed_bars as (
        select
            owner_bars.from_date,
            owner_bars.to_date,
            owner_bars.due_from,
            owner_bars.due_to,
            node_placements.hierarchy,
            node_placements.node_type,
            node_placements.node_id,
            node_placements.node_name,
            node_placements.is_opening,
            node_placements.is_closing,
            owner_bars.bucket,
            sum(owner_bars.opportunity_count) as opportunity_count,
            sum(owner_bars.amount) as amount,
            sum(owner_bars.amount_constant) as amount_constant
        from owner_bars
        inner join node_placements
            on
                owner_bars.opening_owner_user_id = node_placements.opening_owner_user_id
                and owner_bars.opening_day = node_placements.opening_day
                and owner_bars.closing_owner_user_id = node_placements.closing_owner_user_id
                and owner_bars.closing_day = node_placements.closing_day
        group by
            owner_bars.from_date,
            owner_bars.to_date,
            owner_bars.due_from,
            owner_bars.due_to,
            node_placements.hierarchy,
            node_placements.node_type,
            node_placements.node_id,
            node_placements.node_name,
            node_placements.is_opening,
            node_placements.is_closing,
            owner_bars.bucket
    ),

    node_bars as (
        select
            *,
            bucket as node_bucket
        from placed_bars
        where
            (bucket = 'start' and is_opening)
            or (bucket <> 'start' and is_closing)
        union all
        select
            *,
            'scope_in' as node_bucket
        from placed_bars
        where bucket = 'start' and not is_opening
        union all
        select
            from_date,
            to_date,
            due_from,
            due_to,
            hierarchy,
            node_type,
            node_id,
            node_name,
            is_opening,
            is_closing,
            bucket,
            opportunity_count,
            -amount as amount,
            -amount_constant as amount_constant,
            'scope_out' as node_bucket
        from placed_bars
        where bucket = 'start' and not is_closing
        {%- for bar in ['start', 'end'] %}
        union all
        select distinct
            from_date,
            to_date,
            due_from,
            due_to,
            hierarchy,
            node_type,
            node_id,
            node_name,
            is_opening,
            is_closing,
            bucket,
            0 as opportunity_count,
            cast(0 as decimal(18, 2)) as amount,
            cast(0 as decimal(18, 2)) as amount_constant,
            '{{ bar }}' as node_bucket
        from placed_bars
        {%- endfor %}
    ),

    pipeline_waterfall as (
        select
            from_date,
            to_date,
            due_from,
            due_to,
            hierarchy,
            node_type,
            node_id,
            node_name,
            node_bucket as bucket,
            case node_bucket
                {%- for bucket in pipeline_buckets() %}
                when '{{ bucket }}' then {{ loop.index0 }}
                {%- endfor %}
            end as bucket_order,
            cast(sum(opportunity_count) as bigint) as opportunity_count,
            cast(sum(amount) as decimal(18, 2)) as amount,
            cast(sum(amount_constant) as decimal(18, 2)) as amount_constant
        from node_bars
        group by
            from_date,
            to_date,
            due_from,
            due_to,
            hierarchy,
            node_type,
            node_id,
            node_name,
            node_bucket
    )
{%- endmacro %}
