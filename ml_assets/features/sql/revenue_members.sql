-- One row per user, node and range: whose figures count for which company, region, team and rep.
select
    user_id,
    node_type,
    node_id,
    valid_from,
    valid_to
from core.bridge_user_node
where node_type in ('company', 'region', 'team', 'rep')
order by user_id, node_type, valid_from
