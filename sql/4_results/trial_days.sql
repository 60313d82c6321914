-- one row is one UTC day of a trial: what one parameter set earned on one fold part; for the days of runs see returns
create or replace view trial_days as
select *,
from returns
where part <> 'run';
