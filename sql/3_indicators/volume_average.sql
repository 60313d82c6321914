-- one row is one bar of a symbol with the average of its volume, and its volume as a share of that
-- formula: average = average of the last n volumes; ratio = volume / average
-- source: TA-Lib SMA of volume
-- arguments: n = bars, this one included
-- start: null before bar n; ratio is null where nothing was traded
-- warm-up: n - 1
-- outputs: average (base), ratio (1 = as much as on average)
create or replace macro volume_average(timeframe, n := 20) as table
with averaged as (
    select
        *,
        average_over(volume, n) as average,
    from bars(timeframe)
)

select
    *,
    volume / nullif(average, 0) as ratio,
from averaged;
