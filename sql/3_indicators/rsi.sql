-- one row is one bar of a symbol with the relative strength index of its closes
-- formula: rsi = 100 × rise / path, Wilder averages (a = 1 / n) of max(move, 0) and |move|, moves from close to close
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib RSI
-- arguments: n = bars
-- start: null before bar n + 1, which averages the first n moves; 0 where prices stand still (path below 1e-14)
-- warm-up: 30 * n
-- outputs: rsi (0 to 100)
--
-- Averaged in blocks, as explained in ema.sql; here the first n moves have the weight of all others.
create or replace macro rsi(timeframe, n := 14) as table
with moved as (
    select
        *,
        1 - 1.0 / n as _keep,
        pow(16, ceil(log(40 * n - 39) / log(16)))::bigint as _block,
        row_number() over by_time - 1 as _row,
        close - coalesce(lag(close) over by_time, close) as _move,
    from bars(timeframe)
    window by_time as (partition by symbol order by ts)
),

weighted as (
    select
        *,
        pow(_keep, -(greatest(_row, n) % _block)) as _weight,
    from moved
),

summed as (
    select
        *,
        sum(greatest(_move, 0) / n * _weight) over so_far as _rises,
        sum(abs(_move) / n * _weight) over so_far as _moves,
    from weighted
    window so_far as (partition by symbol, _row // _block order by ts rows unbounded preceding)
),

carried as (
    select
        *,
        coalesce(first_value(_rises / _weight) over (
            partition by symbol
            order by ts
            rows between _row % _block + 1 preceding and _row % _block + 1 preceding
        ), 0) as _rises_carry,
        coalesce(first_value(_moves / _weight) over (
            partition by symbol
            order by ts
            rows between _row % _block + 1 preceding and _row % _block + 1 preceding
        ), 0) as _moves_carry,
    from summed
),

averaged as (
    select
        *,
        (_rises + _keep * _rises_carry) / _weight as _rise,
        (_moves + _keep * _moves_carry) / _weight as _path,
    from carried
)

select
    * exclude (
        _keep, _block, _row, _move, _weight, _rises, _moves, _rises_carry, _moves_carry, _rise, _path
    ),
    case when _row >= n then case when _path < 1e-14 then 0 else 100 * _rise / _path end end as rsi,
from averaged;
