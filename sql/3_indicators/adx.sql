-- one row is one bar of a symbol with its average directional index and the directional indicators
-- formula: a rise of the high above the last one counts where it is larger than the fall of the low, and the other way round;
--     plus_di, minus_di = 100 × their Wilder averages (a = 1 / n) / that of the true range;
--     adx = Wilder average of 100 × |plus_di − minus_di| / (plus_di + minus_di), which is 0 where nothing has moved
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib ADX, PLUS_DI, MINUS_DI
-- arguments: n = bars, at least 2
-- start: plus_di and minus_di null before bar n + 1, adx before bar 2n; the first sums are of n − 1 moves, as TA-Lib's
-- warm-up: 2 * (n + fading_bars(1 - 1 / n))
-- outputs: adx (0 to 100), plus_di (0 to 100), minus_di (0 to 100)
create or replace macro adx(timeframe, n := 14) as table
with followed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        true_range_of(high, low, value_before(close, 1)) as _range,
        high - value_before(high, 1) as _rise,
        value_before(low, 1) - low as _fall,
    from bars(timeframe)
),

begun as (
    select
        *,
        case when _bar < n then (n - 1.0) / n else 1 end as _weight,  -- exponential weighs the first ones by 1 / (n − 1)
    from followed
),

averaged as (
    select
        *,
        exponential(_weight * _range, 1 - 1.0 / n, 1, n - 1, _bar) as _path,
        exponential(case when _rise > greatest(_fall, 0) then _weight * _rise else 0 end, 1 - 1.0 / n, 1, n - 1, _bar) as _up,
        exponential(case when _fall > greatest(_rise, 0) then _weight * _fall else 0 end, 1 - 1.0 / n, 1, n - 1, _bar) as _down,
    from begun
),

compared as (
    select
        *,
        case when _bar >= n then coalesce(100 * _up / nullif(_path, 0), 0) end as _plus,
        case when _bar >= n then coalesce(100 * _down / nullif(_path, 0), 0) end as _minus,
        coalesce(100 * abs(_up - _down) / nullif(_up + _down, 0), 0) as _apart,
    from averaged
)

select
    * exclude (_bar, _range, _rise, _fall, _weight, _path, _up, _down, _apart, _plus, _minus),
    exponential(_apart, 1 - 1.0 / n, n, n, _bar) as adx,
    _plus as plus_di,
    _minus as minus_di,
from compared;
