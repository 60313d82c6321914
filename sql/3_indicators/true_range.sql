-- one row is one bar of a symbol with its true range
-- formula: true_range = high − low, reaching to the close of the bar before
-- source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978; TA-Lib TRANGE
-- arguments: none
-- start: null at the first bar
-- warm-up: 1
-- outputs: true_range (quote)
create or replace macro true_range(timeframe) as table
with followed as (
    select
        *,
        value_before(close, 1) as _before,
    from bars(timeframe)
)

select
    * exclude (_before),
    true_range_of(high, low, _before) as true_range,
from followed;
