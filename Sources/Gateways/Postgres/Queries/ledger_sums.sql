-- What each partition carried, and what is there.
SELECT p.partition, p.epoch, p.rows_carried - p.rows_retired,
    (p.carried_nanousd - p.retired_nanousd)::text, coalesce(s.rows, 0),
    coalesce(s.nanousd, 0)::text, p.last_ms, p.last_seq
FROM ledger_partition p
LEFT JOIN (
    SELECT partition, count(*) AS rows, sum(cost_nanousd) AS nanousd
    FROM gpt4_usage_log GROUP BY partition
) AS s USING (partition)
ORDER BY p.partition
