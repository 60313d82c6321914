-- one row is one symbol: how its market behaves as a whole
-- on a test network nobody trades for many minutes, and again and again the price leaps by more than a tenth in one: of 62 real files only those of test networks do both
create or replace view conduct as
with counted as (
    select
        symbol,
        min(ts) as first_ts,
        max(ts) as last_ts,
        count(*) as candles,
        count(*) filter (where volume = 0) as untraded,
        count(*) filter (where high > 1.1 * low) as violent,
        count(distinct case when high > 1.1 * low then date_trunc('day', ts) end) as violent_days,
    from candles
    group by symbol
)

select
    symbol,
    first_ts,                                        -- UTC; first candle
    last_ts,                                         -- UTC; last candle
    candles,                                         -- stored candles
    untraded,                                        -- of these, without a trade: volume 0
    violent,                                         -- of these, with a high more than a tenth above the low
    violent_days,                                    -- UTC days with such a candle
    untraded >= 0.01 * candles and violent >= 0.001 * candles and violent_days >= 10 as is_testnet_like,  -- both at once
from counted;
