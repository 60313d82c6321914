-- one row is one bar of a symbol with its moving average convergence divergence
-- formula: line = ema of closes over fast − over slow bars; signal = ema of the line; histogram = line − signal
-- source: G. Appel, The Moving Average Convergence Divergence Method, 1979; TA-Lib MACD
-- arguments: fast, slow = bars of the averages, fast the smaller; smooth = bars of the signal
-- start: line null before bar slow, signal and histogram before bar slow + smooth − 1 (where TA-Lib begins all three);
--     the fast average begins with the closes that end where the slow one begins, as TA-Lib's does
-- warm-up: greatest(fast, slow) + fading_bars(1 - 2 / (greatest(fast, slow) + 1)) + smooth + fading_bars(1 - 2 / (smooth + 1))
-- outputs: line (quote), signal (quote), histogram (quote)
create or replace macro macd(timeframe, fast := 12, slow := 26, smooth := 9) as table
with placed as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
    from bars(timeframe)
),

compared as (
    select
        *,
        exponential(close, 1 - 2.0 / (fast + 1), greatest(slow - fast, 0), fast, _bar)
        - exponential(close, 1 - 2.0 / (slow + 1), 0, slow, _bar) as line,
    from placed
),

smoothed as (
    select
        *,
        exponential(line, 1 - 2.0 / (smooth + 1), greatest(fast, slow) - 1, smooth, _bar) as signal,
    from compared
)

select
    * exclude (_bar),
    line - signal as histogram,
from smoothed;
