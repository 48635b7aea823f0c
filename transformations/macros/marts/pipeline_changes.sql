{#-
    What changed in the open pipeline between two evenings, deal by deal, as CTEs that end in
    `pipeline_changes`. Both evenings are compared as they stood: what happened in between and was
    undone is not seen.

    The model provides the CTEs
    - `asked`: from_date, to_date, due_from, due_to. A row without due_from is about all open deals,
      one with it about the deals whose close date lies in that range (both ends included).
    - `opportunity_days`: the rows of fct_opportunity_daily with amount_constant.

    Every deal that is in the pipeline asked for on one of the two evenings gets one bucket, the
    first of these that applies:

        kept        it is in on both evenings; what its amount changed is in change_amount (more or
                    less of its own currency, at the rate of the end) and currency_amount (the rest:
                    the same money at another rate)
        won, lost, deleted   it left the open pipeline, the last time in this way
        pushed      its close date was moved beyond the range
        scope_out   its close date was moved before the range, or is gone
        created     it came into being after the first evening
        reopened    it was closed or deleted on the first evening
        pulled_in   its close date lay beyond the range on the first evening
        scope_in    its close date lay before the range, or there was none

    What leaves counts with its amount on the first evening, what comes with its amount on the
    second. A missing amount or rate counts as nothing, so a rate that becomes known is a change by
    currency. A deal belongs to its owner on each evening; one that left belongs to whom it did when
    it left.
-#}
{% macro pipeline_changes() -%}
    snapshot_pairs as (
        select distinct
            from_date,
            to_date
        from asked
        where from_date <= to_date
    ),

    first_days as (
        select
            opportunity_id,
            min(date_day) as first_day
        from opportunity_days
        group by opportunity_id
    ),

    opening_days as (
        select
            snapshot_pairs.from_date,
            snapshot_pairs.to_date,
            opportunity_days.*
        from snapshot_pairs
        inner join opportunity_days on snapshot_pairs.from_date = opportunity_days.date_day
        where opportunity_days.is_open
    ),

    closing_days as (
        select
            snapshot_pairs.from_date,
            snapshot_pairs.to_date,
            opportunity_days.*
        from snapshot_pairs
        inner join opportunity_days on snapshot_pairs.to_date = opportunity_days.date_day
        where opportunity_days.is_open
    ),

    departures as (
        select
            opening_days.from_date,
            opening_days.to_date,
            opening_days.opportunity_id,
            last_days.date_day,
            last_days.owner_user_id,
            last_days.is_won,
            last_days.is_lost,
            row_number() over (
                partition by
                    opening_days.from_date,
                    opening_days.to_date,
                    opening_days.opportunity_id
                order by last_days.date_day desc
            ) as recency
        from opening_days
        inner join opportunity_days as last_days
            on
                opening_days.opportunity_id = last_days.opportunity_id
                and opening_days.from_date < last_days.date_day
                and opening_days.to_date >= last_days.date_day
        where not last_days.is_open
    ),

    compared as (
        select
            coalesce(opening_days.from_date, closing_days.from_date) as from_date,
            coalesce(opening_days.to_date, closing_days.to_date) as to_date,
            coalesce(opening_days.opportunity_id, closing_days.opportunity_id) as opportunity_id,
            opening_days.opportunity_id is not null as was_open,
            opening_days.owner_user_id as opening_owner_user_id,
            opening_days.close_date as opening_close_date,
            opening_days.amount_local as opening_amount_local,
            coalesce(opening_days.amount, 0) as opening_amount,
            coalesce(opening_days.amount_constant, 0) as opening_amount_constant,
            closing_days.opportunity_id is not null as is_open,
            closing_days.owner_user_id as closing_owner_user_id,
            closing_days.close_date as closing_close_date,
            closing_days.amount_local as closing_amount_local,
            coalesce(closing_days.amount, 0) as closing_amount,
            coalesce(closing_days.amount_constant, 0) as closing_amount_constant,
            coalesce(
                {{ converted('opening_days.amount_local', 'closing_days.fx_rate') }}, 0
            ) as opening_amount_at_closing_rate
        from opening_days
        full outer join closing_days
            on
                opening_days.from_date = closing_days.from_date
                and opening_days.to_date = closing_days.to_date
                and opening_days.opportunity_id = closing_days.opportunity_id
    ),

    described as (
        select
            compared.*,
            first_days.first_day,
            not compared.is_open and coalesce(departures.is_won, false) as was_won,
            not compared.is_open and coalesce(departures.is_lost, false) as was_lost,
            case
                when compared.is_open then compared.to_date
                else coalesce(departures.date_day, compared.to_date)
            end as last_day,
            case
                when compared.is_open then compared.closing_owner_user_id
                else coalesce(departures.owner_user_id, compared.opening_owner_user_id)
            end as last_owner_user_id
        from compared
        inner join first_days on compared.opportunity_id = first_days.opportunity_id
        left join departures
            on
                compared.from_date = departures.from_date
                and compared.to_date = departures.to_date
                and compared.opportunity_id = departures.opportunity_id
                and departures.recency = 1
    ),

    scoped as (
        select
            asked.due_from,
            asked.due_to,
            described.*,
            described.was_open
            and (
                asked.due_from is null
                or coalesce(
                    described.opening_close_date between asked.due_from and asked.due_to, false
                )
            ) as was_in,
            described.is_open
            and (
                asked.due_from is null
                or coalesce(
                    described.closing_close_date between asked.due_from and asked.due_to, false
                )
            ) as is_in
        from asked
        inner join described
            on
                asked.from_date = described.from_date
                and asked.to_date = described.to_date
    ),

    pipeline_changes as (
        select
            from_date,
            to_date,
            due_from,
            due_to,
            opportunity_id,
            -- what was not in has nowhere to start from
            coalesce(
                case when was_in then opening_owner_user_id else last_owner_user_id end,
                'unassigned'
            ) as opening_owner_user_id,
            case when was_in then from_date else last_day end as opening_day,
            coalesce(last_owner_user_id, 'unassigned') as closing_owner_user_id,
            last_day as closing_day,
            was_in,
            is_in,
            opening_close_date,
            closing_close_date,
            case
                when was_in and is_in then 'kept'
                when was_in and was_won then 'won'
                when was_in and was_lost then 'lost'
                when was_in and not is_open then 'deleted'
                when was_in and closing_close_date > due_to then 'pushed'
                when was_in then 'scope_out'
                when first_day > from_date then 'created'
                when not was_open then 'reopened'
                when opening_close_date > due_to then 'pulled_in'
                else 'scope_in'
            end as bucket,
            case when was_in then opening_amount else 0 end as opening_amount,
            case when was_in then opening_amount_constant else 0 end as opening_amount_constant,
            case when is_in then closing_amount else 0 end as closing_amount,
            case when is_in then closing_amount_constant else 0 end as closing_amount_constant,
            case
                when was_in and is_in
                    then coalesce(closing_amount_local, 0) - coalesce(opening_amount_local, 0)
                else 0
            end as change_amount_local,
            case
                when was_in and is_in then closing_amount - opening_amount_at_closing_rate
                else 0
            end as change_amount,
            case
                when was_in and is_in then opening_amount_at_closing_rate - opening_amount
                else 0
            end as currency_amount
        from scoped
        where was_in or is_in
    )
{%- endmacro %}
