-- one value is the length of a timeframe in minutes; an unknown timeframe is an error
create or replace macro bar_minutes(timeframe) as case timeframe
    when '1m' then 1
    when '3m' then 3
    when '5m' then 5
    when '15m' then 15
    when '30m' then 30
    when '1h' then 60
    when '2h' then 120
    when '4h' then 240
    when '6h' then 360
    when '12h' then 720
    when '1d' then 1440
    when '1w' then 10080
    else error('unknown timeframe; known: 1m 3m 5m 15m 30m 1h 2h 4h 6h 12h 1d 1w')
end;
