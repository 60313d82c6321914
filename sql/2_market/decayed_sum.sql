-- one value is the sum of x × keep^age over a symbol's bars so far, age in bars; null counts as 0
-- bar = the bar's place from 0; 0 ≤ keep < 1, the same for all bars
--
-- Without recursion: within a block of bars it is a running sum of x / keep^place, scaled back by keep^place. There are
-- two rows of blocks, one shifted by half a block, so that every bar lies in the second half of a block, or in the first
-- block of all: what came before such a block weighs less than e^-40.
create or replace macro decayed_sum(x, keep, bar) as case
    when keep = 0 then x
    when bar % block_bars(keep) >= block_bars(keep) / 2 or bar < block_bars(keep) then block_sum(x, keep, bar)
    else block_sum(x, keep, bar + block_bars(keep) / 2)
end;
