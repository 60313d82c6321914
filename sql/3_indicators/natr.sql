-- one row is one bar of a symbol with its average true range as a share of the price
-- formula: natr = atr / close
-- source: J. Forman, Cross-Market Evaluations with Normalized Average True Range, 2006; TA-Lib NATR, there in percent
-- arguments: n = bars
-- start: null before bar n + 1
-- warm-up: n + fading_bars(1 - 1 / n)
-- outputs: natr (fraction)
create or replace macro natr(timeframe, n := 14) as table
select
    * exclude (atr),
    atr / nullif(close, 0) as natr,
from atr(timeframe, n := n);
