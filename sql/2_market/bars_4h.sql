-- one row is one 4h bar of a symbol; see bars
create or replace view bars_4h as
from bars('4h');
