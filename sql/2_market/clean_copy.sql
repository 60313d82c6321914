-- one value is the command that makes a new warehouse of the candles of a symbol without those that are off the minute or stored twice, which no import can mend
create or replace macro clean_copy(symbol) as
    'bt export --what candles -s ' || symbol || ' -t 1m -O clean && bt import clean/' || replace(symbol, ':', '-') || '_1m.csv -s ' || symbol
    || ' --skip-bad --db clean.duckdb';
