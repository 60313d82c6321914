-- one value is the highest of the last n values of x, this bar's included; null where one of them is null, or there are fewer
create or replace macro highest_over(x, n) as case
    when count(x) over (partition by symbol order by ts rows between n - 1 preceding and current row) = n
        then max(x) over (partition by symbol order by ts rows between n - 1 preceding and current row)
end;
