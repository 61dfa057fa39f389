-- The number of rows, one table per line. :raw is false for a dump without single checks.
SELECT format('SELECT %L, count(*) FROM %I.%I', relname, nspname, relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE relkind = 'r' AND nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
  AND (:raw OR c.oid NOT IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'checks'::regclass))
ORDER BY relname
\gexec
