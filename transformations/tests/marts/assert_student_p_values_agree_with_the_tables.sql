with

published as (
    select
        5 as degrees,
        2.571 as t,
        0.05 as p_value
    union all
    select
        10 as degrees,
        2.228 as t,
        0.05 as p_value
    union all
    select
        10 as degrees,
        3.169 as t,
        0.01 as p_value
    union all
    select
        30 as degrees,
        2.042 as t,
        0.05 as p_value
    union all
    select
        120 as degrees,
        2.617 as t,
        0.01 as p_value
),

computed as (
    select
        *,
        {{ student_p_value('t', 'degrees') }} as computed_p_value,
        {{ student_95('degrees') }} as computed_t
    from published
)

select * from computed
where
    abs(computed_p_value - p_value) > 0.001
    or (p_value = 0.05 and abs(computed_t - t) > 0.02)
