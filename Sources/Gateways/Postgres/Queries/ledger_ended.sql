-- Which of some requests have ended before, within a day: an alert, where it is another row.
-- $1 partition, $2 request ids.
SELECT DISTINCT request_id
FROM gpt4_usage_log
WHERE request_id = ANY ($2) AND partition = $1 AND terminal AND at > now() - interval '1 day'
