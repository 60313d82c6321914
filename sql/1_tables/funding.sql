-- one row is one funding settlement of a symbol
create table if not exists funding (
    symbol varchar not null,    -- see instruments.symbol
    ts timestamp not null,      -- UTC; settlement time as the source states it
    rate double not null,       -- fraction of the position's value; positive = longs pay
    mark double                 -- quote; mark price at settlement; null = unknown
);
