-- one value is the typical price of a bar: the average of its high, low and close
create or replace macro typical_price(high, low, close) as (high + low + close) / 3;
