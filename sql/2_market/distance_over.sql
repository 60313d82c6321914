-- one value is the average distance of the last n values of x from `middle`, this bar's; null where one of them is null, or there are fewer
create or replace macro distance_over(x, middle, n) as case
    when count(x) over (partition by symbol order by ts rows between n - 1 preceding and current row) = n
        then list_avg([
            abs(_value - middle)
            for _value in list(x) over (partition by symbol order by ts rows between n - 1 preceding and current row)
        ])
end;
