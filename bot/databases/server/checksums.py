"""The checksum of a table's rows, as two copies of one table are compared."""

from __future__ import annotations

CHECKSUM_SQL = """CASE
    /*!80017 WHEN EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = tables.table_schema
        AND s.table_name = tables.table_name AND s.expression LIKE '% array)')
    THEN (SELECT CONCAT(
            'SELECT CONVERT(0x', HEX(CONCAT(tables.table_schema, '.', tables.table_name)), ' USING utf8mb4), COALESCE(',
            'SUM(CAST(CONV(LEFT(SHA2(CONCAT_WS('','', ', GROUP_CONCAT(
                'COALESCE(SHA2(`', REPLACE(c.column_name, '`', '``'), '`, 224), 0)' ORDER BY c.ordinal_position
            ), '), 224), 12), 16, 10) AS UNSIGNED)), 0) FROM `', REPLACE(tables.table_name, '`', '``'), '`;')
        FROM information_schema.columns c
        WHERE c.table_schema = tables.table_schema AND c.table_name = tables.table_name) */
    WHEN tables.table_type = 'SYSTEM VERSIONED' THEN 'SELECT ''-'', 0;'
    ELSE CONCAT('CHECKSUM TABLE `', REPLACE(tables.table_name, '`', '``'), '`;')
END"""
"""SQL of the statement that reads the checksum of a table, for queries of `information_schema.tables`, after
`LONG_NAMES_SQL`; the checksum is its second column. That of a table with system versioning has the times of its rows in
it, which are others after a restore, and that of a table with an index on JSON arrays is another each time it is read
(seen with MySQL 9.7): there the rows' own values are summed up."""

LONG_NAMES_SQL = "SET SESSION group_concat_max_len = 1048576"
"""Lets a session write statements with the names of all columns of a table."""
