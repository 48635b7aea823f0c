-- One row per commit call for a fiscal quarter, own or by a superior, and how long it stood.
select
    submissions.subject_user_id as user_id,
    submissions.is_override,
    submissions.period_start,
    submissions.submitted_at,
    submissions.superseded_at,
    cast(submissions.amount as double) as amount
from core.fct_forecast_submission as submissions
where submissions.forecast_category = 'commit' and submissions.amount is not null
order by submissions.subject_user_id, submissions.submitted_at, submissions.submission_id
