-- One row per snapshot: what analysis heard in the conversations about the opportunity, calls and
-- meetings, and what the seller had promised in them, by the end of that day. A promise is known
-- with its conversation; what became of it later is not.
with

snapshots as (
    select * from requested_snapshot
),

heard as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        count(conversations.sentiment) as conversation_count,
        cast(sum(cast(conversations.sentiment as decimal(18, 6))) as double) as sentiment_sum,
        cast(
            sum(
                case
                    when
                        conversations.occurred_at > snapshots.as_of_end - interval 60 day
                        then cast(conversations.sentiment as decimal(18, 6))
                end
            ) as double
        )
        / nullif(
            count(
                case
                    when
                        conversations.occurred_at > snapshots.as_of_end - interval 60 day
                        then conversations.sentiment
                end
            ),
            0
        ) as sentiment_60d,
        cast(sum(cast(conversations.talk_ratio as decimal(18, 6))) as double)
        / nullif(count(conversations.talk_ratio), 0) as talk_ratio_mean,
        cast(sum(conversations.question_count) as double)
        / nullif(
            sum(
                case
                    when conversations.question_count is not null
                        then conversations.duration_seconds
                end
            ) / 3600.0,
            0
        ) as questions_per_hour
    from snapshots
    inner join core.fct_conversation as conversations
        on
            snapshots.opportunity_id = conversations.opportunity_id
            and snapshots.as_of_end > conversations.occurred_at
            and snapshots.as_of_end > conversations.recorded_at
    group by snapshots.opportunity_id, snapshots.as_of_date
),

promised as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        count(*) as follow_up_count,
        count(*) filter (where actions.completed_at < snapshots.as_of_end)
            as follow_ups_done_count,
        count(*) filter (
            where
            actions.due_date < snapshots.as_of_date
            and (actions.completed_at is null or actions.completed_at >= snapshots.as_of_end)
        ) as follow_ups_overdue_count
    from snapshots
    inner join core.fct_conversation_action as actions
        on
            snapshots.opportunity_id = actions.opportunity_id
            and snapshots.as_of_end > actions.created_at
    inner join core.fct_conversation as conversations
        on
            actions.activity_id = conversations.activity_id
            and snapshots.as_of_end > conversations.recorded_at
    group by snapshots.opportunity_id, snapshots.as_of_date
)

select
    heard.*,
    promised.follow_up_count,
    promised.follow_ups_done_count,
    promised.follow_ups_overdue_count
from heard
left join promised
    on
        heard.opportunity_id = promised.opportunity_id
        and heard.as_of_date = promised.as_of_date
order by heard.opportunity_id, heard.as_of_date
