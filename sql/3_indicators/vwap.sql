-- one row is one bar of a symbol with the average price of what was traded in its last n bars
-- formula: vwap = traded value / volume of the last n bars; traded value = turnover, or typical price × volume without one
-- source: S. Berkowitz, D. Logue and E. Noser, The Total Cost of Transactions on the NYSE, 1988
-- arguments: n = bars
-- start: null before bar n, and where nothing was traded
-- warm-up: n - 1
-- outputs: vwap (quote)
create or replace macro vwap(timeframe, n := 20) as table
select
    *,
    sum_over(traded_value(high, low, close, volume, turnover), n) / nullif(sum_over(volume, n), 0) as vwap,
from bars(timeframe);
