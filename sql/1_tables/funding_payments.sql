-- one row is one funding payment of a run
create table if not exists funding_payments (
    run_id varchar not null,    -- see runs
    symbol varchar not null,    -- see instruments.symbol
    ts timestamp not null,      -- UTC; settlement, floored to the minute
    trade bigint not null,      -- number of the trade that paid
    qty double not null,        -- base, signed: the position held
    mark double not null,       -- quote
    rate double not null,       -- fraction
    amount double not null      -- quote; −qty × mark × rate: negative = paid
);
