-- one row is one way to take five of ten blocks of days: 252 of them, each the complement of another
create or replace view block_halves as
select
    masks.mask::integer as half,                           -- bit b says whether block b is taken
    list(((masks.mask >> blocks.block) & 1)::double order by blocks.block) as taken,  -- 1 for each block that is taken, else 0
    list((1 - ((masks.mask >> blocks.block) & 1))::double order by blocks.block) as left_over,  -- 1 for each other block, else 0
from range(1024) as masks (mask)
cross join range(10) as blocks (block)
where bit_count(masks.mask) = 5
group by masks.mask;
