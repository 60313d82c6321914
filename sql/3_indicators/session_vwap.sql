-- one row is one bar of a symbol with the average price of what was traded so far in its UTC day
-- formula: session_vwap = traded value / volume of the day's bars so far; traded value = turnover, or typical price × volume without one
-- source: S. Berkowitz, D. Logue and E. Noser, The Total Cost of Transactions on the NYSE, 1988
-- arguments: none
-- start: from the first bar, where data may begin within a day; null until something was traded
-- warm-up: day - 1
-- outputs: session_vwap (quote)
create or replace macro session_vwap(timeframe) as table
select
    *,
    session_sum(traded_value(high, low, close, volume, turnover)) / nullif(session_sum(volume), 0) as session_vwap,
from bars(timeframe);
