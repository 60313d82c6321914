-- one row is one fold of a walk-forward
create table if not exists folds (
    run_id varchar not null,           -- see runs
    fold integer not null,             -- 1, 2, … in time order
    train_first timestamp not null,    -- UTC; in-sample from here
    train_end timestamp not null,      -- UTC; exclusive
    test_first timestamp not null,     -- UTC; out-of-sample from here
    test_end timestamp not null,       -- UTC; exclusive
    trial integer,                     -- the chosen parameter set; null = none qualified
    params varchar,                    -- JSON object of the chosen set
    primary key (run_id, fold)
);
