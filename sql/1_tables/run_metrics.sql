-- one row is one finished run or walk: its row of the view metrics, kept so that thousands of runs are ranked at once
-- filled when the run is stored, and anew whenever bt builds its views
create table if not exists run_metrics (
    run_id varchar not null,        -- see runs
    start_cash double,              -- quote; what the account began with
    end_equity double,              -- quote; equity at the end of the last day
    net_profit double,
    total_return double,
    days bigint,                    -- UTC calendar days from the first to the last tested bar
    cagr double,
    buy_hold double,                -- fraction; equal cash in every symbol at its first open, sold at its last close, no costs
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
    gross_profit double,            -- quote; sum of pnl > 0 over closed trades
    gross_loss double,              -- quote, ≤ 0; sum of pnl ≤ 0 over closed trades
    fees double,                    -- quote; of all fills
    slippage double,                -- quote; of all fills, already inside the prices
    funding double,                 -- quote; received, negative = paid
    costs double,
    costs_to_gross_profit double,
    slipped_value double,           -- quote; traded value of the fills that pay slippage: market and stop
    break_even_slippage double
);
