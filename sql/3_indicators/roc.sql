-- one row is one bar of a symbol with the rate of change of its close
-- formula: roc = close / close of n bars ago − 1
-- source: TA-Lib ROCP; its ROC is this in percent
-- arguments: n = bars
-- start: null before bar n + 1
-- warm-up: n
-- outputs: roc (fraction)
create or replace macro roc(timeframe, n := 10) as table
with followed as (
    select
        *,
        value_before(close, n) as _before,
    from bars(timeframe)
)

select
    * exclude (_before),
    (close - _before) / nullif(_before, 0) as roc,
from followed;
