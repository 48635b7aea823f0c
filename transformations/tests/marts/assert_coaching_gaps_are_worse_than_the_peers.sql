select coaching.*
from {{ ref('mart_coaching') }} as coaching
left join {{ ref('mart_rep_behaviour') }} as measured
    on
        coaching.user_id = measured.user_id
        and coaching.week_start = measured.week_start
        and coaching.behaviour = measured.behaviour
        and coalesce(coaching.stage, '') = coalesce(measured.stage, '')
        and coaching.value = measured.value
where
    measured.user_id is null
    or (coaching.better = 'higher' and coaching.difference >= 0)
    or (coaching.better = 'lower' and coaching.difference <= 0)
    or coaching.since_week_start > coaching.week_start
