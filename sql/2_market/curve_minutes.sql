-- one value is the length of a chart's bucket in minutes: whole bars of a timeframe, so many that a span has about that number of buckets or fewer
create or replace macro curve_minutes(timeframe, beginning, ending, buckets) as
    bar_minutes(timeframe)
    * greatest(ceil(date_diff('minute', beginning, ending) / (bar_minutes(timeframe) * greatest(buckets, 1)))::bigint, 1);
