-- one row is one bar of a symbol with the exponential moving average of its closes
-- formula: ema = a × close + (1 − a) × ema of the bar before, a = 2 / (n + 1)
-- source: TA-Lib EMA
-- arguments: n = bars
-- start: null before bar n, which has the simple average of the first n closes
-- warm-up: 12 * (n + 1)
-- outputs: ema (quote)
--
-- Without recursion: within a block of bars it is a running sum of a × close / (1 − a)^place, scaled back by
-- (1 − a)^place, plus what is left of the block before. The first n closes are weighed alike, as if all came at bar n.
-- Blocks are long enough for older ones to weigh below 1e-17, short enough for the weights to stay below 1e280, and
-- powers of 16 because DuckDB adds in sixteens: a symbol's past is then the same to the last bit whatever follows it.
create or replace macro ema(timeframe, n := 20) as table
with numbered as (
    select
        *,
        1 - 2.0 / (n + 1) as _keep,
        pow(16, ceil(log(20 * n - 19) / log(16)))::bigint as _block,
        row_number() over (partition by symbol order by ts) - 1 as _row,
    from bars(timeframe)
),

weighted as (
    select
        *,
        pow(_keep, -(greatest(_row, n - 1) % _block)) as _weight,
    from numbered
),

summed as (
    select
        *,
        sum(close * _weight * case when _row < n then 1.0 / n else 1 - _keep end) over so_far as _sum,
    from weighted
    window so_far as (partition by symbol, _row // _block order by ts rows unbounded preceding)
),

carried as (
    select
        *,
        coalesce(first_value(_sum / _weight) over (
            partition by symbol
            order by ts
            rows between _row % _block + 1 preceding and _row % _block + 1 preceding
        ), 0) as _carry,
    from summed
)

select
    * exclude (_keep, _block, _row, _weight, _sum, _carry),
    case when _row >= n - 1 then (_sum + _keep * _carry) / _weight end as ema,
from carried;
