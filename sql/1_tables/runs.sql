-- one row is one run: one backtest of one strategy, the stitched out-of-sample run of a walk-forward, or the head of a sweep
create table if not exists runs (
    run_id varchar not null,               -- hash of data, strategy source, configuration and engine, then a repeat number
    content_hash varchar not null,         -- the hash without the repeat number
    repeat integer not null,               -- 1 for the first run of this content
    kind varchar not null,                 -- run, sweep (many parameter sets on one span) or walk (walk-forward)
    name varchar,                          -- as the user named it
    note varchar,                          -- as the user wrote it
    strategy varchar not null,             -- name of the strategy
    params varchar not null,               -- JSON object, parameter to value; of a sweep the chosen set's, {} while none is; of a walk {}: see folds
    symbols varchar not null,              -- comma list, sorted
    timeframe varchar not null,            -- 1m … 1w
    first_ts timestamp not null,           -- UTC; ts of the first tested bar
    end_ts timestamp not null,             -- UTC; close of the last tested bar, exclusive
    quote varchar not null,                -- currency of all money in this run
    start_cash double not null,            -- quote
    config varchar not null,               -- JSON; the whole resolved Account, Costs and Execution, and the instruments' rules that were in force
    data_fingerprint varchar not null,     -- of data_parts: over every bar, indicator value, gap, funding rate and 1-minute candle that was read
    strategy_source varchar not null,      -- the strategy file as it was
    strategy_hash varchar not null,        -- SHA-256 of it
    versions varchar not null,             -- JSON; bt, python, duckdb, polars, numpy, numba
    seed bigint,                           -- of samplers; null = none was used
    status varchar not null,               -- finished or ruined; of a sweep or walk also running or interrupted
    bars bigint not null,                  -- tested (symbol, ts) rows
    buy_hold double,                       -- fraction; equal cash in every symbol at its first open, sold at its last close, no costs
    ambiguous bigint not null,             -- exits in bars, or minutes where bars were drilled, that touched stop and target both
    adverse_equity double,                 -- quote; final equity with every bar that touches both taken stop first, none drilled; null = none was ambiguous
    favourable_equity double,              -- quote; with target first; together with adverse_equity the envelope, which is no bound
    warnings varchar not null,             -- JSON list of sentences
    timings varchar not null,              -- JSON object, stage to seconds (wall clock), without the storing itself
    created_ts timestamp not null,         -- UTC; wall clock
    settings varchar,                      -- JSON of a sweep or walk; search, sampler, trials, objective, select …, and the folds' lengths; null = a plain run
    sets bigint,                           -- parameter sets tried; null = a plain run
    data_parts varchar,                    -- JSON object, what was read and of which symbol, such as `bars BTCUSDT`, to rows:hash; null = of an older bt
    primary key (run_id)
);
