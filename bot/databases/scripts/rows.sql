-- Prints, for each table of `countersign_before` that is still in the database in use, a statement that compares their rows
-- and gives TABLE, DELETED, CHANGED, INSERTED; NULL is unknown. Rows are the same row by their primary key. Without one it is
-- only known whether the rows as a whole are the same. Columns count that both have; values of one kind are compared as that,
-- and others by what they look like, so that a value that was cut or converted has changed.
SELECT IF(k.keys_of IS NOT NULL AND c.same IS NOT NULL,
    CONCAT('SELECT ', QUOTE(t.table_name), ', d.n, c.n, i.n FROM (SELECT COUNT(*) AS n FROM ', b, ' b LEFT JOIN ', a, ' a ON ', k.keys_of,
      ' WHERE a.', k.first_key, ' IS NULL) d, (SELECT COUNT(*) AS n FROM ', b, ' b JOIN ', a, ' a ON ', k.keys_of, ' WHERE NOT (', c.same,
      ')) c, (SELECT COUNT(*) AS n FROM ', a, ' a LEFT JOIN ', b, ' b ON ', k.keys_of, ' WHERE b.', k.first_key, ' IS NULL) i;'),
    CONCAT('SELECT ', QUOTE(t.table_name), ', IF(b.n = a.n AND b.h <=> a.h, 0, NULL), IF(b.n = a.n AND b.h <=> a.h, 0, NULL), IF(b.n = a.n AND b.h <=> a.h, 0, NULL)',
      ' FROM (SELECT COUNT(*) AS n, SUM(CRC32(', IFNULL(c.whole, 'NULL'), ')) AS h FROM ', b, ' x) b, (SELECT COUNT(*) AS n, SUM(CRC32(', IFNULL(c.whole, 'NULL'),
      ')) AS h FROM ', a, ' x) a;'))
FROM (SELECT table_name,
    CONCAT('`countersign_before`.`', REPLACE(table_name, '`', '``'), '`') AS b,
    CONCAT('`', REPLACE(DATABASE(), '`', '``'), '`.`', REPLACE(table_name, '`', '``'), '`') AS a
  FROM information_schema.tables WHERE table_schema = 'countersign_before' AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND table_name IN (SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED'))) t
LEFT JOIN (SELECT p.table_name,
    IF(COUNT(*) = COUNT(o.column_name), GROUP_CONCAT(CONCAT('b.`', REPLACE(p.column_name, '`', '``'), '` = a.`', REPLACE(p.column_name, '`', '``'), '`') SEPARATOR ' AND '), NULL) AS keys_of,
    CONCAT('`', REPLACE(MIN(p.column_name), '`', '``'), '`') AS first_key
  FROM information_schema.statistics p
  LEFT JOIN information_schema.columns o ON o.table_schema = DATABASE() AND o.table_name = p.table_name AND o.column_name = p.column_name
  WHERE p.table_schema = 'countersign_before' AND p.index_name = 'PRIMARY' GROUP BY p.table_name) k ON k.table_name = t.table_name
LEFT JOIN (SELECT f.table_name,
    GROUP_CONCAT(CASE
      WHEN f.data_type IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'float', 'double', 'year')
        AND n.data_type IN ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'float', 'double', 'year')
        OR f.data_type IN ('date', 'datetime', 'timestamp') AND n.data_type IN ('date', 'datetime', 'timestamp')
        OR f.data_type = 'time' AND n.data_type = 'time'
      THEN CONCAT('b.`', REPLACE(f.column_name, '`', '``'), '` <=> a.`', REPLACE(f.column_name, '`', '``'), '`')
      WHEN f.character_set_name IS NOT NULL AND n.character_set_name IS NOT NULL
      THEN CONCAT('CAST(CONVERT(b.`', REPLACE(f.column_name, '`', '``'), '` USING utf8mb4) AS BINARY) <=> CAST(CONVERT(a.`', REPLACE(f.column_name, '`', '``'), '` USING utf8mb4) AS BINARY)')
      ELSE CONCAT('HEX(CAST(b.`', REPLACE(f.column_name, '`', '``'), '` AS BINARY)) <=> HEX(CAST(a.`', REPLACE(f.column_name, '`', '``'), '` AS BINARY))')
      END SEPARATOR ' AND ') AS same,
    CONCAT('CONCAT_WS(0x1f, ', GROUP_CONCAT(CONCAT('IFNULL(HEX(CAST(x.`', REPLACE(f.column_name, '`', '``'), '` AS BINARY)), 0x1e)') ORDER BY f.column_name SEPARATOR ', '), ')') AS whole
  FROM information_schema.columns f
  JOIN information_schema.columns n ON n.table_schema = DATABASE() AND n.table_name = f.table_name AND n.column_name = f.column_name
  WHERE f.table_schema = 'countersign_before' AND COALESCE(f.generation_expression, '') NOT IN ('ROW START', 'ROW END') GROUP BY f.table_name) c ON c.table_name = t.table_name
