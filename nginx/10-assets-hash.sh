#!/bin/sh
# Run by the image's entry point before Nginx starts: one hash over all files that pages use, by
# which pages call them (/assets/HASH/…). When one of them changes, all get new names, so browsers
# may keep them for a year; as they import each other by relative paths, they always fit together.
set -eu
assets=/usr/share/nginx/html/assets
hash=$(find "$assets" -type f -exec sha256sum {} + | LC_ALL=C sort -k 2 | sha256sum | cut -c 1-12)
printf 'map "" $assets_hash { default %s; }\n' "$hash" >/etc/nginx/conf.d/assets-hash.conf
[ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$0: assets are /assets/$hash/"
