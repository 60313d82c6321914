-- one row is one instrument's rules, from valid_from until a later row of the same symbol
create table if not exists instruments (
    symbol varchar not null,          -- the key everywhere: BTCUSDT is Bybit's linear perpetual, all else has a prefix (spot:, inverse:, binance: …)
    valid_from timestamp not null,    -- UTC; the rules hold from here on
    exchange varchar not null,        -- bybit, binance …
    category varchar not null,        -- linear, spot or inverse
    base varchar,                     -- currency of quantities
    quote varchar,                    -- currency of prices, cash and profit
    status varchar,                   -- Trading, PreLaunch, Closed …; null = unknown
    tick_size double,                 -- quote; smallest price step; null = unknown, prices are not rounded
    qty_step double,                  -- base; smallest quantity step; null = unknown
    min_qty double,                   -- base; null = unknown
    min_notional double,              -- quote; null = unknown
    max_leverage double,              -- null = unknown
    launch_ts timestamp,              -- UTC; as the exchange states it (candles may start earlier)
    funding_minutes integer,          -- present funding interval; history may differ
    as_of timestamp not null,         -- UTC; when these rules were read
    source varchar not null,          -- where they come from
    primary key (symbol, valid_from)
);
