#!/bin/sh
# Run by the image's entry point before Nginx starts, to report a problem in one sentence.
set -eu
certificate=/etc/nginx/certs/fullchain.pem
key=/etc/nginx/certs/privkey.pem
refuse() {
    echo "stagewatch: $1; \`make certs\` creates one for testing; see docs/tls.md" >&2
    exit 1
}
for file in "$certificate" "$key"; do
    [ -r "$file" ] || refuse "secrets/certs/${file##*/} is missing, or user $(id -u) can't read it"
done
public=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null) ||
    refuse "secrets/certs/fullchain.pem is not a certificate"
[ "$public" = "$(openssl pkey -in "$key" -pubout 2>/dev/null)" ] ||
    refuse "secrets/certs/privkey.pem is not the key of fullchain.pem"
# Nginx starts anyway: port 80 must answer the certificate authority's challenge.
openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || {
    end=$(openssl x509 -in "$certificate" -noout -enddate)
    echo "stagewatch: the certificate expired, browsers refuse it: $end" >&2
}
