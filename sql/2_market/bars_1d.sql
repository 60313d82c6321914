-- one row is one 1d bar of a symbol; see bars
create or replace view bars_1d as
from bars('1d');
