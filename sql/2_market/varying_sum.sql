-- one value is the sum of x × all `keep`s that came after it, over a symbol's bars so far; null counts as 0
-- faded = the running sum of -ln(keep); most = the largest that keep can be, the same for all bars, below 1
--
-- Without recursion, as decayed_sum does it: blocks end where the values before have faded by e^-80; of two rows of
-- blocks, one shifted by half, a bar takes the one where it is in the second half of a block.
create or replace macro varying_sum(x, keep, faded, most) as case
    when faded % 80 >= 40 or faded < 80
        then exp(-(faded % 80)) * sum(x * exp(faded % 80)) over (
            partition by symbol, floor(faded / 80) order by ts rows unbounded preceding
        )
    else exp(-((faded + 40) % 80)) * sum(x * exp((faded + 40) % 80)) over (
        partition by symbol, floor((faded + 40) / 80) order by ts rows unbounded preceding
    )
end;
