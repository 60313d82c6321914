-- one value is the lowest x of the bars of a UTC day so far, this bar's included
create or replace macro session_lowest(x) as min(x + 0) over (partition by symbol, ts::date order by ts rows unbounded preceding);
