-- one row is one bar of a symbol with the realised volatility of its closes
-- formula: realised_volatility = standard deviation (over n − 1) of the last n log returns from close to close,
--     × √bars in a year of 365 days, as in metrics
-- source: J. Hull, Options, Futures and Other Derivatives, on historical volatility
-- arguments: n = bars, at least 2
-- start: null before bar n + 1
-- warm-up: n
-- outputs: realised_volatility (fraction a year)
create or replace macro realised_volatility(timeframe, n := 20) as table
with followed as (
    select
        *,
        ln(close / value_before(close, 1)) as _return,
    from bars(timeframe)
)

select
    * exclude (_return),
    deviation_over(_return, n) * sqrt(n / nullif(n - 1, 0) * 365 * 1440 / bar_minutes(timeframe)) as realised_volatility,
from followed;
