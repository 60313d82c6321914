-- one row is one 5m bar of a symbol; see bars
create or replace view bars_5m as
from bars('5m');
