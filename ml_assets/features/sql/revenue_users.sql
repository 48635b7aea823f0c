-- One row per version of a user: role, and whether in office.
select
    user_id,
    role,
    coalesce(is_active, true) and not coalesce(is_deleted, false) as is_in_office,
    valid_from
from core.dim_user
order by user_id, valid_from
