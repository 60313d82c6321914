-- one row is one fill of a run
create table if not exists fills (
    run_id varchar not null,         -- see runs
    n bigint not null,               -- 1, 2, … in order of happening
    symbol varchar not null,         -- see instruments.symbol
    ts timestamp not null,           -- UTC; open time of the bar it happened in
    minute timestamp,                -- UTC; the 1-minute candle it happened in, where the bar was walked minute by minute; null = decided by the bar
    bar bigint not null,             -- number of the symbol's own bar in the run, from 0
    side varchar not null,           -- buy or sell
    qty double not null,             -- base, > 0
    price double not null,           -- quote; as filled
    reference double not null,       -- quote; before slippage and tick rounding
    fee double not null,             -- quote
    slippage double not null,        -- quote; |price − reference| × qty, already inside the price
    kind varchar not null,           -- market, stop or limit
    reason varchar not null,         -- signal, reverse, rebalance, stop, trail, take, liquidation, time, end_of_data, fold_end, ruin
    trade bigint not null,           -- number of the trade it belongs to, in order of first entry
    opens boolean not null,          -- true = opens or adds to the position, false = closes it or a part of it
    stop double,                     -- quote; entry fills: the stop after it, the level of the trail where there is no other; null = none
    worst double,                    -- quote; exit fills: most adverse price while in the position
    best double,                     -- quote; exit fills: most favourable price while in the position
    ambiguous boolean not null,      -- the bar, or the minute where it was drilled, touched stop and target both, and intrabar decided
    gap_overlap boolean not null     -- exit fills: a recorded gap lay inside the trade
);
