-- one value is a whole number below 2³² for another: a permutation of them that puts neighbours far apart
-- the output function of pcg_hash, see drawn
create or replace macro bits_mixed(n)
as (xor(n >> ((n >> 28) + 4), n) * 277803737) & 4294967295;
