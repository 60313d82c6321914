-- one row is one 1w bar of a symbol; see bars
create or replace view bars_1w as
from bars('1w');
