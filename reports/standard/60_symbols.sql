-- title: By symbol
-- runs: run, walk
-- format: win_rate percent, pnl signed, profit_share percent, profit_factor 2, avg_R 2, avg_bars 1, costs money
select
    symbol,
    trades,
    win_rate,
    pnl,
    profit_share,
    profit_factor,
    expectancy_r as "avg_R",
    avg_bars,
    costs,
from metrics_by_symbol
where run_id = $run
order by pnl desc, symbol;
