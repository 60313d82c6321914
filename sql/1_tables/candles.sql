-- one row is one 1-minute candle of a symbol; unique by (symbol, ts) and ordered on disk by them, both kept by the writers (a primary key costs five times the space)
create table if not exists candles (
    symbol varchar not null,    -- see instruments.symbol
    ts timestamp not null,      -- UTC; the bar's open time
    open double not null,       -- quote
    high double not null,       -- quote
    low double not null,        -- quote
    close double not null,      -- quote
    volume double not null,     -- base (inverse: quote)
    turnover double             -- quote (inverse: base); null where the source has none
);
