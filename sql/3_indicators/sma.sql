-- one row is one bar of a symbol with the simple moving average of its last n closes
-- formula: sma = sum of the last n closes / n
-- source: TA-Lib SMA
-- arguments: n = bars
-- start: null before bar n
-- warm-up: n - 1
-- outputs: sma (quote)
create or replace macro sma(timeframe, n := 20) as table
select
    *,
    average_over(close, n) as sma,
from bars(timeframe);
