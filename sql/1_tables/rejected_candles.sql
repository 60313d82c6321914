-- one row is one row of an imported file that was not stored, or one stored candle that a later source contradicts
create table if not exists rejected_candles (
    ingest_id bigint not null,    -- see ingests
    symbol varchar not null,      -- see instruments.symbol
    row_number bigint,            -- in the file, first data row = 1
    ts timestamp,                 -- UTC; null = unreadable
    column_name varchar,          -- the column at fault; null = the whole row
    value varchar,                -- as found
    reason varchar not null       -- why it was not stored
);
