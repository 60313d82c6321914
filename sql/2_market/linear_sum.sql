-- one value is the sum of the last n values of x, each times its weight: n for this bar's, one less for each bar before it
-- x must not be null; less than the whole before there are n bars; bar = the bar's place from 0
--
-- It is the sum of x × place less that of x × (this place − n). Places count within rows of 2n bars, of which there are
-- two, one shifted by n bars: so they stay small, and every window of n bars lies within a row.
create or replace macro linear_sum(x, n, bar) as case
    when bar % (2 * n) >= n - 1
        then sum(x * (bar % (2 * n))) over (partition by symbol order by ts rows between n - 1 preceding and current row)
            - (bar % (2 * n) - n) * sum(x) over (partition by symbol order by ts rows between n - 1 preceding and current row)
    else sum(x * ((bar + n) % (2 * n))) over (partition by symbol order by ts rows between n - 1 preceding and current row)
        - ((bar + n) % (2 * n) - n) * sum(x) over (partition by symbol order by ts rows between n - 1 preceding and current row)
end;
