-- one value is the command that brings a span of a symbol again, with an option of bt ingest, or a file of it
create or replace macro mend(symbol, first_ts, last_ts, option) as
    bring(symbol, first_ts)
    || case when starts_with(bring(symbol, first_ts), 'bt ingest') then ' --to ' || strftime(last_ts + interval 1 day, '%Y-%m-%d') else '' end
    || case when option = '' or (option = '--repair' and starts_with(bring(symbol, first_ts), 'bt import')) then '' else ' ' || option end;
