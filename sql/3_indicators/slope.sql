-- one row is one bar of a symbol with the straight line that fits its last n closes best
-- formula: least squares over the bars' places; slope = rise of the line from bar to bar, fitted = the line at this bar
-- source: TA-Lib LINEARREG_SLOPE and LINEARREG
-- arguments: n = bars, at least 2
-- start: null before bar n
-- warm-up: n - 1
-- outputs: slope (quote a bar), fitted (quote)
create or replace macro slope(timeframe, n := 20) as table
with averaged as (
    select
        *,
        row_number() over (partition by symbol order by ts) - 1 as _bar,
        average_over(close, n) as _average,
    from bars(timeframe)
),

sloped as (
    select
        *,
        (linear_sum(close, n, _bar) - n * (n + 1) / 2 * _average) / nullif(n * (n * n - 1) / 12, 0) as slope,
    from averaged
)

select
    * exclude (_bar, _average),
    _average + slope * (n - 1) / 2 as fitted,
from sloped;
