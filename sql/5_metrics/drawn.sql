-- one value is the n-th of 2³² numbers spread evenly over [0, 1) as if drawn; the same in every version and at every number of threads
-- pcg_hash of Jarzynski, Olano, Hash functions for GPU rendering, Journal of Computer Graphics Techniques 9, 2020
create or replace macro drawn(n) as xor(
    bits_mixed((n * 747796405 + 2891336453) & 4294967295) >> 22,
    bits_mixed((n * 747796405 + 2891336453) & 4294967295)
) / 4294967296e0;
