-- one row is one parameter set on one fold part, with the metrics that it was chosen by
-- the columns from end_equity on are those of all_metrics, as they were when the trial was stored
create table if not exists trials (
    run_id varchar not null,        -- see runs
    fold integer not null,          -- see folds; 0 = a sweep's whole span
    part varchar not null,          -- in (in-sample) or out (out-of-sample)
    trial integer not null,         -- 1, 2, …: the same parameter set in every fold of the run
    params varchar not null,        -- JSON object, searched parameter to value
    params_hash varchar not null,   -- SHA-256 of all parameters, those not searched too: the same set across runs
    places integer[],               -- position of each parameter's value in its list of values, from 0, in order of the search space
    first_ts timestamp not null,    -- UTC; ts of the first tested bar
    end_ts timestamp not null,      -- UTC; exclusive
    chosen boolean not null,        -- picked by its in-sample objective; true on both parts of that set in that fold
    objective double,               -- value of the objective over this part's metrics; null = undefined, or ruined
    qualified boolean not null,     -- not ruined, and min_trades and where of the run hold on this part; choosing looks at part in only
    status varchar not null,        -- finished, ruined or failed (no days, no metrics)
    problem varchar,                -- why it failed, in words; null = it did not
    start_cash double not null,     -- quote; what the account began with
    seconds double not null,        -- wall clock
    end_equity double,              -- quote; equity at the end of the last day
    net_profit double,
    total_return double,
    days bigint,                    -- UTC calendar days from the first to the last tested bar
    cagr double,
    time_in_market double,
    max_drawdown double,
    longest_drawdown_days bigint,
    sharpe double,
    sortino double,
    calmar double,
    volatility double,
    worst_day double,               -- fraction; lowest daily return
    best_day double,                -- fraction; highest daily return
    ulcer double,
    var_95 double,
    cvar_95 double,
    skew double,
    kurtosis double,
    trades bigint,                  -- closed trades
    longs bigint,                   -- of these, long
    shorts bigint,                  -- of these, short
    win_rate double,
    gross_profit double,            -- quote; sum of pnl > 0 over closed trades
    gross_loss double,              -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    pnl double,                     -- quote; sum of pnl over closed trades
    profit_factor double,
    expectancy double,
    expectancy_r double,
    avg_win double,
    avg_loss double,
    best_trade double,
    worst_trade double,
    avg_bars double,
    sqn double,
    liquidations bigint,            -- closed trades ended by liquidation
    ambiguous bigint,               -- closed trades ended by an exit that intrabar had to decide; see fills.ambiguous
    ambiguous_share double,
    fees double,                    -- quote; of all fills
    slippage double,                -- quote; of all fills, already inside the prices
    funding double,                 -- quote; received, negative = paid
    costs double,
    costs_to_gross_profit double,
    slipped_value double,           -- quote; traded value of the fills that pay slippage: market and stop
    break_even_slippage double
);
