-- one row is one bar of a symbol with its Ichimoku lines
-- formula: tenkan, kijun = (highest high + lowest low) / 2 of the last fast and middle bars; the cloud at a bar was known
--     `ahead` bars before it: span_a = (tenkan + kijun) / 2, span_b = (highest high + lowest low) / 2 of slow bars, of then
-- source: G. Hosoda, Ichimoku Kinko Hyo, 1969; no chikou: the close drawn back by `ahead` bars would be the future there,
--     compare the close with that of `ahead` bars ago instead (momentum)
-- arguments: fast, middle, slow = bars; ahead = bars that the cloud is drawn ahead (some draw it 25 bars ahead, not 26)
-- start: tenkan null before bar fast, kijun before bar middle, span_a before bar middle + ahead, span_b before bar slow + ahead
-- warm-up: greatest(fast, middle, slow) - 1 + ahead
-- outputs: tenkan (quote), kijun (quote), span_a (quote), span_b (quote)
create or replace macro ichimoku(timeframe, fast := 9, middle := 26, slow := 52, ahead := 26) as table
with halved as (
    select
        *,
        (highest_over(high, fast) + lowest_over(low, fast)) / 2 as tenkan,
        (highest_over(high, middle) + lowest_over(low, middle)) / 2 as kijun,
        (highest_over(high, slow) + lowest_over(low, slow)) / 2 as _wide,
    from bars(timeframe)
)

select
    * exclude (_wide),
    value_before((tenkan + kijun) / 2, ahead) as span_a,
    value_before(_wide, ahead) as span_b,
from halved;
