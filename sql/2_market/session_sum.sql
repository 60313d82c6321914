-- one value is the sum of x over the bars of a UTC day so far, this bar's included; null counts as 0
create or replace macro session_sum(x) as
sum(coalesce(x + 0, 0)) over (partition by symbol, ts::date order by ts rows unbounded preceding);
