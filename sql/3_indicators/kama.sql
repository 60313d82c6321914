-- one row is one bar of a symbol with Kaufman's adaptive moving average of its closes
-- formula: kama = kama of the bar before + c × (close − that one); c = (e × (2 / (fast + 1) − 2 / (slow + 1)) + 2 / (slow + 1))²;
--     e = |close − close of n bars ago| / path of the closes in between, 1 where prices stand still
-- source: P. Kaufman, Smarter Trading, 1995; TA-Lib KAMA, which has fast = 2 and slow = 30
-- arguments: n = bars of the path; fast, slow = bars of the quickest and slowest average
-- start: null before bar n + 1; bar n begins with its close
-- warm-up: n + 1 + fading_bars(1 - 4 / ((greatest(fast, slow) + 1) * (greatest(fast, slow) + 1)))
-- outputs: kama (quote)
create or replace macro kama(timeframe, n := 10, fast := 2, slow := 30) as table
with moved as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        abs(close - value_before(close, 1)) as _move,
        abs(close - value_before(close, n)) as _net,
    from bars(timeframe)
),

measured as (
    select
        *,
        sum_over(_move, n) as _path,
    from moved
),

weighed as (
    select
        *,
        case
            when _bar >= n
                then pow(
                    case when _path > _net then _net / _path else 1 end * (2.0 / (fast + 1) - 2.0 / (slow + 1)) + 2.0 / (slow + 1),
                    2
                )
            when _bar = n - 1 then 1
            else 0
        end as _share,
    from measured
),

faded as (
    select
        *,
        sum(case when _bar >= n then -ln(greatest(1 - _share, 1e-17)) else 0 end) over (
            partition by symbol order by ts rows unbounded preceding
        ) as _faded,
    from weighed
)

select
    * exclude (_bar, _move, _net, _path, _share, _faded),
    case when _bar >= n then varying_sum(_share * close, 1 - _share, _faded, 1 - 4.0 / ((greatest(fast, slow) + 1) * (greatest(fast, slow) + 1))) end as kama,
from faded;
