-- one value is the true range of a bar: high − low, reaching to the close of the bar before; null without one
create or replace macro true_range_of(high, low, before) as
case when before is not null then greatest(high, before) - least(low, before) end;
