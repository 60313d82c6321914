-- one row is one span of minutes that the exchange itself does not have: asked twice, answered empty
create table if not exists absences (
    symbol varchar not null,        -- see instruments.symbol
    first_ts timestamp not null,    -- UTC; first absent minute
    last_ts timestamp not null,     -- UTC; last absent minute, inclusive
    asked_ts timestamp not null     -- UTC; when it was confirmed
);
