-- one row is one fold of a walk-forward
create table if not exists folds (
    run_id varchar not null,           -- see runs
    fold integer not null,             -- 1, 2, … in time order
    train_first timestamp not null,    -- UTC; in-sample from here
    train_end timestamp not null,      -- UTC; exclusive
    test_first timestamp not null,     -- UTC; out-of-sample from here
    test_end timestamp not null,       -- UTC; exclusive
    trial integer,                     -- the chosen parameter set, see trials; null = none qualified, the fold stays flat
    params varchar,                    -- JSON object of the chosen set
    stitched_end timestamp,            -- UTC; exclusive; the stitched run is this fold's from test_first to here; null = not stitched yet
    start_equity double,               -- quote; of the stitched run at test_first; null = not stitched yet
    end_equity double,                 -- quote; of the stitched run at stitched_end; null = not stitched yet
    primary key (run_id, fold)
);
