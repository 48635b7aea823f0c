-- One row per version of an account: who owns it, and its segment.
select
    account_id,
    owner_user_id as account_owner_id,
    segment,
    valid_from
from core.dim_account
order by account_id, valid_from
