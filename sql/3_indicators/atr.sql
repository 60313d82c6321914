-- one row is one bar of a symbol with its average true range
-- formula: atr = Wilder average (a = 1 / n) of the true range: high − low, reaching to the close of the bar before
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib ATR
-- arguments: n = bars
-- start: null before bar n + 1, which has the average of the first n true ranges; the first bar has none
-- warm-up: 30 * n
-- outputs: atr (quote)
--
-- Averaged in blocks, as explained in ema.sql; here the first n ranges have the weight of all others.
create or replace macro atr(timeframe, n := 14) as table
with followed as (
    select
        *,
        1 - 1.0 / n as _keep,
        pow(16, ceil(log(40 * n - 39) / log(16)))::bigint as _block,
        row_number() over by_time - 1 as _row,
        lag(close) over by_time as _before,
    from bars(timeframe)
    window by_time as (partition by symbol order by ts)
),

weighted as (
    select
        *,
        case when _row > 0 then greatest(high - low, abs(high - _before), abs(low - _before)) else 0 end as _range,
        pow(_keep, -(greatest(_row, n) % _block)) as _weight,
    from followed
),

summed as (
    select
        *,
        sum(_range / n * _weight) over so_far as _sum,
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
    * exclude (_keep, _block, _row, _before, _range, _weight, _sum, _carry),
    case when _row >= n then (_sum + _keep * _carry) / _weight end as atr,
from carried;
