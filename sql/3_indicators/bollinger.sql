-- one row is one bar of a symbol with its Bollinger bands
-- formula: middle = average of the last n closes; upper, lower = middle ± k × their population standard deviation;
--     width = (upper − lower) / middle; percent_b = (close − lower) / (upper − lower)
-- source: J. Bollinger, Bollinger on Bollinger Bands, 2001; TA-Lib BBANDS
-- arguments: n = bars; k = standard deviations
-- start: null before bar n; percent_b is null where prices stand still
-- warm-up: n - 1
-- outputs: upper (quote), middle (quote), lower (quote), width (fraction), percent_b (0 at lower, 1 at upper)
create or replace macro bollinger(timeframe, n := 20, k := 2.0) as table
with averaged as (
    select
        *,
        average_over(close, n) as _average,
        deviation_over(close, n) as _deviation,
    from bars(timeframe)
)

select
    * exclude (_average, _deviation),
    _average + k * _deviation as upper,
    _average as middle,
    _average - k * _deviation as lower,
    2 * k * _deviation / nullif(_average, 0) as width,
    case when _deviation > 1e-14 * _average then 0.5 + (close - _average) / (2 * k * _deviation) end as percent_b,
from averaged;
