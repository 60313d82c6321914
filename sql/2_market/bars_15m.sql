-- one row is one 15m bar of a symbol; see bars
create or replace view bars_15m as
from bars('15m');
