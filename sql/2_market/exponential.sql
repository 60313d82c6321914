-- one value is the exponential average of x: keep × that of the bar before + (1 − keep) × x; null counts as 0
-- begun, as TA-Lib does, with the simple average of n values from place `first` on; null before place first + n − 1
-- bar = the place of the bar from 0; keep, first and n are the same for all bars
create or replace macro exponential(x, keep, first, n, bar) as case
    when bar >= first + n - 1
        then decayed_sum(
            case
                when bar >= first + n then (1 - keep) * x
                when bar >= first then x / n * pow(keep, bar - first - n + 1)  -- as if all n came at once
            end,
            keep,
            bar - first
        )
end;
