-- one row is one order of a run that was refused, or shrunk
create table if not exists rejections (
    run_id varchar not null,     -- see runs
    n bigint not null,           -- 1, 2, … in order of happening
    symbol varchar not null,     -- see instruments.symbol
    ts timestamp not null,       -- UTC; open time of the bar in which it would have been filled
    side varchar not null,       -- long or short
    reason varchar not null,     -- cash, slots, gap, conflict, reentry, no_short, no_stop, stop_side, min_qty, min_notional, expired …
    wanted double,               -- base; null = no size was worked out
    granted double not null      -- base; 0 = refused
);
