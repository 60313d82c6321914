-- one row is one bar of a symbol with the relative strength index of its closes
-- formula: rsi = 100 × rise / path, Wilder averages (a = 1 / n) of max(move, 0) and |move|, moves from close to close
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib RSI
-- arguments: n = bars
-- start: null before bar n + 1, which averages the first n moves; 0 where prices stand still (path below 1e-14)
-- warm-up: n + fading_bars(1 - 1 / n)
-- outputs: rsi (0 to 100)
create or replace macro rsi(timeframe, n := 14) as table
with moved as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        close - value_before(close, 1) as _move,
    from bars(timeframe)
),

averaged as (
    select
        *,
        exponential(greatest(_move, 0), 1 - 1.0 / n, 1, n, _bar) as _rise,
        exponential(abs(_move), 1 - 1.0 / n, 1, n, _bar) as _path,
    from moved
)

select
    * exclude (_bar, _move, _rise, _path),
    case when _path < 1e-14 then 0 else 100 * _rise / _path end as rsi,
from averaged;
