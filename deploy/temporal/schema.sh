#!/bin/sh
# Makes and updates the two databases of the Temporal server. It can be run
# again at any time: what is there stays, what is missing is added.
set -eu

tool() {
  temporal-sql-tool --plugin postgres12_pgx --ep postgres -p 5432 -u temporal --db "$@"
}

for pair in temporal:temporal temporal_visibility:visibility; do
  database=${pair%%:*}
  folder=${pair##*:}
  tool "$database" create
  tool "$database" setup-schema -v 0.0
  tool "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/$folder/versioned"
done
echo "schema of temporal and temporal_visibility is up to date"
