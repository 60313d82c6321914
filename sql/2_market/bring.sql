-- one value is the command that brings data of a symbol from a moment on: from the exchange, or, of others than Bybit, from files
create or replace macro bring(symbol, first_ts) as case
    when not contains(symbol, ':') or starts_with(symbol, 'spot:') or starts_with(symbol, 'inverse:')
        then 'bt ingest ' || symbol || ' --from ' || strftime(first_ts, '%Y-%m-%d')
    else 'bt import FILE --symbol ' || symbol
end;
