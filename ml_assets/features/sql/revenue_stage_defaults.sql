-- One row per open stage: the probability that the source gives its deals, averaged over sources.
select
    stage,
    avg(cast(default_probability as double)) as default_probability
from core.dim_stage
where is_open
group by stage
order by stage
