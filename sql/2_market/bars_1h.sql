-- one row is one 1h bar of a symbol; see bars
create or replace view bars_1h as
from bars('1h');
