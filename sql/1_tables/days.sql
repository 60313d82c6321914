-- one row is one UTC day of a run or trial: the facts that every metric is computed from
create table if not exists days (
    run_id varchar not null,           -- see runs
    fold integer not null,             -- see folds; 0 = the run itself or a sweep's whole span
    part varchar not null,             -- run, in (in-sample) or out (out-of-sample)
    trial integer not null,            -- see trials; 0 = the run itself
    day date not null,                 -- UTC; every calendar day of the span, also those without a bar
    start_cash double not null,        -- quote; what the account began with
    equity double not null,            -- quote; at the last close of the day
    high double not null,              -- quote; highest equity since the start, at any close, start_cash included
    drawdown double not null,          -- fraction ≤ 0; worst equity / running high − 1 at any close of the day
    bars bigint not null,              -- bar times of the day
    bars_in_market bigint not null,    -- of these, closed with a position open
    fees double not null,              -- quote; of the day's fills
    slippage double not null,          -- quote; of the day's fills
    turnover double not null,          -- quote; traded value of the day's fills
    slipped_value double not null,     -- quote; traded value that pays slippage (market and stop fills)
    funding double not null,           -- quote; received, negative = paid
    trades bigint not null,            -- closed on this day (so below)
    longs bigint not null,             -- of these, long
    wins bigint not null,              -- of these, pnl > 0
    gross_profit double not null,      -- quote; sum of pnl > 0
    gross_loss double not null,        -- quote; sum of pnl ≤ 0
    pnl_squares double not null,       -- quote²; sum of pnl²
    best double,                       -- quote; highest pnl; null = no trade
    worst double,                      -- quote; lowest pnl
    r_trades bigint not null,          -- trades with a stop
    r_sum double not null,             -- sum of their R multiples
    trade_bars bigint not null,        -- sum of bars held
    ambiguous bigint not null,         -- of the closed trades, ended by an exit that intrabar had to decide; see fills.ambiguous
    liquidations bigint not null       -- of the closed trades, ended by liquidation
);
