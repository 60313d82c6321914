-- title: By exit
-- runs: run, walk
-- width: half
-- format: win_rate percent, pnl signed, avg_R 2, avg_bars 1, costs money
select
    what as exit,
    trades,
    wins / trades as win_rate,
    pnl,
    avg_r as "avg_R",
    avg_bars,
    costs,
from trades_by('exit')
where run_id = $run
order by trades desc, what;
