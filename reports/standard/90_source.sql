-- title: The strategy as it was
-- chart: code
select strategy_source
from runs
where run_id = $run;
