#!/bin/sh
# Run by the image's entry point before Nginx starts: stays behind, and has Nginx take a new
# certificate when there is one, whatever has put it there. Requests under way are finished with
# the old one.
set -eu
sum() {
    # Where one is missing for a moment, the sum differs, and Nginx is asked what is wrong.
    cat /etc/nginx/certs/fullchain.pem /etc/nginx/certs/privkey.pem 2>/dev/null | sha256sum
}
watch() {
    known=$1
    while :; do
        # For the health check, which finds out if this has ended.
        touch /tmp/certificate-watch
        sleep 15
        found=$(sum)
        [ "$found" != "$known" ] || continue
        known=$found
        # Half a change, or the key of another certificate: the old one goes on. The next change is
        # looked at again.
        if why=$(nginx -t -q 2>&1); then
            nginx -s reload && echo "stagewatch: a new certificate is in use" >&2
        else
            echo "stagewatch: the new certificate can't be used, the old one stays: $why" >&2
        fi
    done
}
watch "$(sum)" &
