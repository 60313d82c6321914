-- one value is the latest of the last n values of x, this bar's included, that is not null
create or replace macro latest_over(x, n) as
last_value(x ignore nulls) over (partition by symbol order by ts rows between n - 1 preceding and current row);
