-- title: Orders refused, shrunk or never filled
-- runs: run, walk
-- width: half
-- empty: none
select
    reason,
    case when granted > 0 then 'shrunk' else 'refused' end as what,
    count(*) as orders,
    count(distinct symbol) as symbols,
from rejections
where run_id = $run
group by all
order by orders desc, reason;
