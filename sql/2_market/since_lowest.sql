-- one value is how many bars ago x was lowest among the last n bars, 0 for this one; the latest of equals; null where there are fewer
-- bar = the bar's place from 0; x must not be null
create or replace macro since_lowest(x, n, bar) as since_highest(-x, n, bar);
