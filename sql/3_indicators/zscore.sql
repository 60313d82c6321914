-- one row is one bar of a symbol with how far its close is from its average, in standard deviations
-- formula: zscore = (close − average of the last n closes) / their population standard deviation
-- source: the standard score; Bollinger's percent_b is this over 2k, plus a half
-- arguments: n = bars
-- start: null before bar n, and where prices stand still
-- warm-up: n - 1
-- outputs: zscore (standard deviations)
create or replace macro zscore(timeframe, n := 20) as table
with averaged as (
    select
        *,
        average_over(close, n) as _average,
        deviation_over(close, n) as _deviation,
    from bars(timeframe)
)

select
    * exclude (_average, _deviation),
    case when _deviation > 1e-14 * _average then (close - _average) / _deviation end as zscore,
from averaged;
