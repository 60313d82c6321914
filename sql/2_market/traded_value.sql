-- one value is what was traded in a bar, in quote: its turnover where that is volume at prices of the bar, else volume × typical price
-- so it is there for sources without turnover, and for inverse contracts, whose volume is in quote and turnover in base
create or replace macro traded_value(high, low, close, volume, turnover) as case
    when turnover between low * volume and high * volume then turnover
    else typical_price(high, low, close) * volume
end;
