-- title: By weekday of entry
-- chart: bar
-- runs: run, walk
-- width: half
-- x: weekday
-- y: pnl
-- label: trades
-- note: UTC; sum of profit after all costs
-- format: pnl signed
select
    split_part(what, ' ', 2) as weekday,
    pnl,
    trades,
from trades_by('weekday')
where run_id = $run
order by what;
