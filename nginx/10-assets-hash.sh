#!/bin/sh
# Run by the image's entry point before Nginx starts: compute one hash of all assets, which pages
# use in their URLs (/assets/HASH/…). When one file changes, all get new URLs, so browsers may
# cache them for a year; as they import each other by relative paths, they always match.
set -eu
assets=/usr/share/nginx/html/assets
hash=$(find "$assets" -type f -exec sha256sum {} + | LC_ALL=C sort -k 2 | sha256sum | cut -c 1-12)
printf 'map "" $assets_hash { default %s; }\n' "$hash" >/etc/nginx/conf.d/assets-hash.conf
[ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$0: assets are /assets/$hash/"
