-- one value is what the gaps of a symbol look like, by how many, how long and how far apart they are; null = nothing can be told
create or replace macro gap_pattern(gaps, shortest, longest, fewest_between, most_between, untraded) as case
    when gaps >= 10 and shortest = longest and fewest_between = most_between
        then format(
            'every gap is {:,} minutes long and follows {:,} candles: it looks as if a download asked for spans longer than one answer holds',
            longest::bigint,
            most_between::bigint
        )
    when gaps >= 100 and untraded = 0
        then 'no candle has zero volume: it looks as if minutes without a trade were left out'
end;
