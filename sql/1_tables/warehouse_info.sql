-- one row is this warehouse: which schema its tables have and which sql its views were built from
create table if not exists warehouse_info (
    schema_version integer not null,    -- raised by every migration
    sql_hash varchar not null,          -- SHA-256 of the files that built the views
    bt_version varchar not null,        -- of the bt that built them
    created_ts timestamp not null       -- UTC; wall clock
);
