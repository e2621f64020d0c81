#!/bin/sh
# Runs once, when the database server's volume is new: one role and one database
# for wattsweep's results, one role for Temporal, which makes its own two
# databases. Passwords come from the environment and are quoted by psql.
set -eu

psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set results="$RESULTS_DB_PASSWORD" --set temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE wattsweep LOGIN PASSWORD :'results';
CREATE DATABASE wattsweep OWNER wattsweep;
REVOKE ALL ON DATABASE wattsweep FROM PUBLIC;
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
SQL
