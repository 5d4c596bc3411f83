#!/bin/sh
# Makes what the manifests expect as Secrets, for a first installation:
#     S3_ACCESS_KEY=... S3_SECRET_KEY=... [SMTP_URL=...] deploy/k8s/secrets.sh OUTDIR NAMESPACE DATABASE BLOB_URL
# DATABASE is host[:port]/name; without SMTP_URL no mail is sent. Writes OUTDIR/secrets.yaml (kubectl apply -f), OUTDIR/roles.sql (run it
# once as the database's administrator) and OUTDIR/ca.key, which belongs into a safe. A CA per
# installation signs one certificate per service: whoever has none is not listened to.
set -eu
umask 077
[ $# -ge 4 ] || { echo "usage: secrets.sh OUTDIR NAMESPACE DATABASE BLOB_URL" >&2; exit 3; }
out=$1 namespace=$2 database=$3 blob_url=$4
: "${S3_ACCESS_KEY:?is not set}" "${S3_SECRET_KEY:?is not set}"
days=825
mkdir -p "$out"
[ ! -e "$out/secrets.yaml" ] || { echo "secrets.sh: $out/secrets.yaml exists; its keys would be lost" >&2; exit 1; }

openssl ecparam -name prime256v1 -genkey -noout -out "$out/ca.key"
openssl req -x509 -new -key "$out/ca.key" -days 3650 -subj "/CN=assay $namespace" -out "$out/ca.crt" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign

base64_of() { base64 -w0; }

# secret NAME KEY=FILE_OR_TEXT...
secret() {
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\n' "$1" "$namespace"
    printf '  labels: {app.kubernetes.io/part-of: assay}\ntype: Opaque\ndata:\n'
    shift
    for pair in "$@"; do
        printf '  %s: "%s"\n' "${pair%%=*}" "$(printf '%s' "${pair#*=}" | base64_of)"
    done
}

certificate() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$out/$1.key"
    openssl req -new -key "$out/$1.key" -subj "/CN=$1" -out "$out/$1.csr"
    printf 'subjectAltName=DNS:%s,DNS:%s.%s.svc\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n' \
        "$1" "$1" "$namespace" >"$out/$1.ext"
    openssl x509 -req -in "$out/$1.csr" -CA "$out/ca.crt" -CAkey "$out/ca.key" -CAcreateserial -days $days \
        -extfile "$out/$1.ext" -out "$out/$1.crt" 2>/dev/null
}

: >"$out/secrets.yaml"
: >"$out/roles.sql"
for svc in gateway auth sessions tests billing webhooks worker; do
    certificate "$svc"
    set --
    case $svc in
    gateway | worker) set -- "blob-url=$blob_url" "s3-access-key=$S3_ACCESS_KEY" "s3-secret-key=$S3_SECRET_KEY" ;;
    auth | sessions | tests | billing | webhooks)
        owner=$(openssl rand -hex 24)
        user=$(openssl rand -hex 24)
        set -- "database-url=postgresql://assay_$svc:$user@$database"
        case $svc in billing) # empty: purchases stay off
            set -- "$@" "stripe-secret-key=${STRIPE_SECRET_KEY:-}" "stripe-webhook-secret=${STRIPE_WEBHOOK_SECRET:-}" ;;
        esac
        case $svc in auth | webhooks) set -- "$@" "secret-key=$(openssl rand -base64 32)" ;; esac
        case $svc in tests) set -- "$@" "blob-url=$blob_url" "s3-access-key=$S3_ACCESS_KEY" "s3-secret-key=$S3_SECRET_KEY" ;; esac
        case $svc in auth) set -- "$@" "smtp-url=${SMTP_URL:-}" ;; esac
        secret "$svc-migrate" "database-url=postgresql://assay_${svc}_owner:$owner@$database" >>"$out/secrets.yaml"
        cat >>"$out/roles.sql" <<SQL
CREATE ROLE assay_${svc}_owner LOGIN PASSWORD '$owner';
CREATE ROLE assay_$svc LOGIN PASSWORD '$user';
CREATE SCHEMA $svc AUTHORIZATION assay_${svc}_owner;
GRANT USAGE ON SCHEMA $svc TO assay_$svc;
ALTER DEFAULT PRIVILEGES FOR ROLE assay_${svc}_owner IN SCHEMA $svc
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO assay_$svc;
ALTER DEFAULT PRIVILEGES FOR ROLE assay_${svc}_owner IN SCHEMA $svc GRANT USAGE, SELECT ON SEQUENCES TO assay_$svc;
ALTER DEFAULT PRIVILEGES FOR ROLE assay_${svc}_owner IN SCHEMA $svc GRANT EXECUTE ON FUNCTIONS TO assay_$svc;
ALTER ROLE assay_${svc}_owner SET search_path = $svc;
ALTER ROLE assay_$svc SET search_path = $svc;
SQL
        ;;
    esac
    secret "$svc-secrets" "$@" >>"$out/secrets.yaml"
    secret "$svc-rpc-tls" "ca.crt=$(cat "$out/ca.crt")" "tls.crt=$(cat "$out/$svc.crt")" \
        "tls.key=$(cat "$out/$svc.key")" >>"$out/secrets.yaml"
    rm -f "$out/$svc.key" "$out/$svc.csr" "$out/$svc.ext" "$out/$svc.crt"
done
rm -f "$out/ca.srl"
echo "secrets.sh: wrote $out/secrets.yaml, $out/roles.sql, $out/ca.crt and $out/ca.key" >&2
