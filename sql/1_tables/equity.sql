-- one row is one bar time of a run: the one account at that bar's close
create table if not exists equity (
    run_id varchar not null,    -- see runs
    ts timestamp not null,      -- UTC; the bar's open time
    equity double not null,     -- quote; cash and positions at the close
    cash double not null,       -- quote
    gross double not null,      -- quote; sum of |position value|
    net double not null         -- quote; sum of signed position values
);
