-- one value is the average of the last n values of x, this bar's included; null where one of them is null, or there are fewer
create or replace macro average_over(x, n) as case
    when count(x) over (partition by symbol order by ts rows between n - 1 preceding and current row) = n
        then avg(x) over (partition by symbol order by ts rows between n - 1 preceding and current row)
end;
