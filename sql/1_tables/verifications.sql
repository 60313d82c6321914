-- one row is one second engine's opinion of a run
create table if not exists verifications (
    run_id varchar not null,           -- see runs
    engine varchar not null,           -- backtrader …, with its version
    profile varchar not null,          -- the rules both engines followed
    trades bigint not null,            -- compared
    differences bigint not null,       -- of these, differing beyond the tolerance
    tolerance double not null,         -- relative
    detail varchar not null,           -- JSON; the first differences and their causes
    created_ts timestamp not null      -- UTC; wall clock
);
