-- The roles of the service, and its database: what each may do is granted by the migrations.
-- Run by a superuser, connected to another database of the server; again whenever a password changes:
--
--   psql "$ADMIN_URL" -v migrate_password=… -v service_password=… -v read_password=… -f roles.sql
--
--   strategy_migrate  owns the schema, and changes it; no process of the service is this role
--   strategy_service  what supervisors and workers are: adds to the ledger and to the audit trail,
--                     changes profiles; may neither change nor delete what was added
--   strategy_read     what reads usage, reports and the audit trail

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['strategy_migrate', 'strategy_service', 'strategy_read']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE strategy_migrate PASSWORD :'migrate_password'
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE strategy_service PASSWORD :'service_password'
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE strategy_read PASSWORD :'read_password'
    NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
ALTER ROLE strategy_read SET default_transaction_read_only = on;
-- A plan that was made while the ledger was small looks through the whole day for each batch, and would be
-- kept until the next ANALYZE; planning anew costs two milliseconds.
ALTER ROLE strategy_service SET plan_cache_mode = force_custom_plan;

SELECT 'CREATE DATABASE strategy OWNER strategy_migrate'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'strategy') \gexec

REVOKE ALL ON DATABASE strategy FROM PUBLIC;
GRANT CONNECT ON DATABASE strategy TO strategy_service, strategy_read;
