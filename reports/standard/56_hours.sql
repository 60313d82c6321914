-- title: By hour of entry
-- chart: bar
-- runs: run, walk
-- width: half
-- x: hour
-- y: pnl
-- label: trades
-- note: UTC; sum of profit after all costs
-- format: pnl signed
select
    what as hour,
    pnl,
    trades,
from trades_by('hour')
where run_id = $run
order by what;
