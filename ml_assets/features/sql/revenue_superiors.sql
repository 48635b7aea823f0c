-- One row per user with people below, and range.
select distinct
    ancestor_user_id as user_id,
    valid_from,
    valid_to
from core.bridge_user_hierarchy
where depth > 0
order by user_id, valid_from
