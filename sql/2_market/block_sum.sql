-- one value is the sum of x × keep^age over the bars of its block so far, age in bars; for decayed_sum
create or replace macro block_sum(x, keep, bar) as pow(keep, bar % block_bars(keep)) * sum(
    x * pow(keep, -(bar % block_bars(keep)))
) over (partition by symbol, floor(bar / block_bars(keep)) order by ts rows unbounded preceding);
