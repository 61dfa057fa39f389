#!/bin/sh
# Run by the image's entry point before Nginx starts, so that what is wrong is said in one sentence.
set -eu
certificate=/etc/nginx/certs/fullchain.pem
key=/etc/nginx/certs/privkey.pem
refuse() {
    echo "stagewatch: $1; \`make certs\` makes one for trying out, docs/tls.md has the rest" >&2
    exit 1
}
for file in "$certificate" "$key"; do
    [ -r "$file" ] || refuse "secrets/certs/${file##*/} is missing, or user $(id -u) can't read it"
done
public=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null) ||
    refuse "secrets/certs/fullchain.pem is no certificate"
[ "$public" = "$(openssl pkey -in "$key" -pubout 2>/dev/null)" ] ||
    refuse "secrets/certs/privkey.pem is not the key of fullchain.pem"
# Nginx starts all the same: over port 80 it serves what a certificate authority asks for.
openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || {
    end=$(openssl x509 -in "$certificate" -noout -enddate)
    echo "stagewatch: the certificate is over, browsers refuse it: $end" >&2
}
