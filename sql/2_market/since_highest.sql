-- one value is how many bars ago x was highest among the last n bars, 0 for this one; the latest of equals; null where there are fewer
-- bar = the bar's place from 0; x must not be null
create or replace macro since_highest(x, n, bar) as case
    when bar >= n - 1
        then bar - (max(struct_pack(x := x, bar := bar)) over (partition by symbol order by ts rows between n - 1 preceding and current row)).bar
end;
