-- one value is how many bars x fades in by about e^-80, an even number; null for keep = 0; for decayed_sum
create or replace macro block_bars(keep) as 2 * ceil(40 / -ln(nullif(keep, 0)));
