-- one row is one bar of a symbol with the momentum of its close
-- formula: momentum = close − close of n bars ago
-- source: TA-Lib MOM
-- arguments: n = bars
-- start: null before bar n + 1
-- warm-up: n
-- outputs: momentum (quote)
create or replace macro momentum(timeframe, n := 10) as table
select
    *,
    close - value_before(close, n) as momentum,
from bars(timeframe);
