-- title: Bars around trades
-- chart: closeups
-- runs: run, walk
-- x: ts
-- by: trade
select
    trade,
    step,
    ts,
    open,
    high,
    low,
    close,
from trade_closeups($run, 240)
order by trade, ts;
