-- one row is one acknowledged page of the exchange or batch of an imported file: the manifest that the content is held against
create table if not exists ingests (
    ingest_id bigint not null,         -- 1, 2, … in order of writing
    kind varchar not null,             -- candles, funding or instruments
    symbol varchar not null,           -- see instruments.symbol
    source varchar not null,           -- host or file name
    asked_first timestamp not null,    -- UTC; first moment asked for, inclusive
    asked_last timestamp not null,     -- UTC; last moment asked for, inclusive
    first_ts timestamp,                -- UTC; ts of the first row that came; null = nothing came
    last_ts timestamp,                 -- UTC; ts of the last row that came
    rows_came bigint not null,         -- rows in the answer
    rows_stored bigint not null,       -- of these, new in the warehouse
    rows_changed bigint not null,      -- of these, stored before with other values
    rows_rejected bigint not null,     -- of these, refused (see rejected_candles)
    content_hash varchar not null,     -- over the rows that came, in order
    written_ts timestamp not null,     -- UTC; wall clock
    primary key (ingest_id)
);
