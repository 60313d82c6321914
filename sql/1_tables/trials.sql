-- one row is one parameter set on one fold part
create table if not exists trials (
    run_id varchar not null,        -- see runs
    fold integer not null,          -- see folds; 0 = a sweep's whole span
    part varchar not null,          -- in (in-sample) or out (out-of-sample)
    trial integer not null,         -- 1, 2, …: the same parameter set in every fold
    params varchar not null,        -- JSON object, parameter to value
    params_hash varchar not null,   -- SHA-256 of params: the same set across runs
    first_ts timestamp not null,    -- UTC; ts of the first tested bar
    end_ts timestamp not null,      -- UTC; exclusive
    chosen boolean not null,        -- picked by its in-sample objective
    objective double,               -- value of the objective; null = undefined
    start_cash double not null,     -- quote
    status varchar not null,        -- finished, ruined or failed
    seconds double not null         -- wall clock
);
