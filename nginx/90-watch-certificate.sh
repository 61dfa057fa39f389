#!/bin/sh
# Run by the image's entry point before Nginx starts: keeps running in the background, and reloads
# Nginx when there is a new certificate, whatever put it there. Requests in progress are finished
# with the old one.
set -eu
sum() {
    # If a file is missing for a moment, the sum differs, and `nginx -t` reports the problem.
    cat /etc/nginx/certs/fullchain.pem /etc/nginx/certs/privkey.pem 2>/dev/null | sha256sum
}
watch() {
    known=$1
    while :; do
        # For the health check, which notices if this loop has ended.
        touch /tmp/certificate-watch
        sleep 15
        found=$(sum)
        [ "$found" != "$known" ] || continue
        known=$found
        # Only half of it replaced, or a key that does not match: keep the old one. The next change
        # is checked again.
        if why=$(nginx -t -q 2>&1); then
            nginx -s reload && echo "stagewatch: a new certificate is in use" >&2
        else
            echo "stagewatch: the new certificate can't be used, the old one stays in use: $why" >&2
        fi
    done
}
watch "$(sum)" &
