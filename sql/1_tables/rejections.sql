-- one row is one order of a run that was refused or shrunk, or a pending one that ended unfilled
create table if not exists rejections (
    run_id varchar not null,     -- see runs
    n bigint not null,           -- 1, 2, … in order of happening
    symbol varchar not null,     -- see instruments.symbol
    ts timestamp not null,       -- UTC; open time of the bar in which it would have been filled, or ended unfilled
    side varchar not null,       -- long or short
    reason varchar not null,     -- conflict, gap, reentry, no_short, slots, pyramiding, no_stop, stop_side, cash, volume, min_qty, min_notional; of pending orders also expired, cancelled (by an exit signal), replaced (by a newer one)
    wanted double,               -- base; of a reduction: what was to go; null = no size was worked out
    granted double not null      -- base; 0 = refused, more = shrunk to this (cash, volume)
);
