#!/bin/sh
# Prints docs/settings.md: the settings of every program, from the tables they read them with.
set -eu
cat <<'EOF'
# Settings

All settings are environment variables; `NAME_FILE` names a file that holds the value. `make up` passes what is
set in its environment on to every service. This page is made by `make docs`; `assay-NAME --help` prints the same.

## The stack (`assay stack`)

| Setting | Default | Meaning |
|---|---|---|
| `ASSAY_STATE_DIR` | `var` beside the build folder | data, logs, blobs, mail, secrets of one stack |
| `ASSAY_HTTP_PORT` | 8400 | port of the API; another stack on the same machine needs another one |
| `ASSAY_SHOP_PORT` | the first free port from `ASSAY_HTTP_PORT` + 100 | port of the sample shop |
| `ASSAY_DATABASE_URL` | a private Postgres | libpq URI of a Postgres of your own |
| `ASSAY_REPLICAS_<SERVICE>` | 1 | replicas of a service, up to 8; gateways take the ports that follow |
| `ASSAY_SERVICES` | all | comma-separated names: start these alone |
| `ASSAY_EMAIL`, `ASSAY_PASSWORD` | `admin@example.com`, random | the first admin, made when the database has none |

The stack sets for its services, unless given: `ASSAY_HTTP_ADDRESS=127.0.0.1`, `ASSAY_ALLOW_PRIVATE_TARGETS=1`,
`ASSAY_BLOB_URL`, `ASSAY_EMAIL_DIR` and `ASSAY_SECRET_KEY_FILE` inside the state folder, `ASSAY_WEB_DIR`, and all
`ASSAY_RPC_*`.
EOF
for name in gateway auth sessions tests billing webhooks worker; do
    printf '\n## assay-%s\n\n' "$name"
    "build/bin/assay-$name" --help-md
done
