#!/bin/sh
# packages.sh SNAPSHOT [SOURCES]: installs what the image takes of Debian and the base lacks, git and certificates. With a
# time stamp of snapshot.debian.org everything comes from the archive as it was then, so that a build can be repeated.
set -eu
snapshot=$1 sources=${2:-/etc/apt/sources.list.d/debian.sources}
if command -v git >/dev/null && test -e /etc/ssl/certs/ca-certificates.crt; then
  exit
fi
set --
if test -n "$snapshot"; then
  archive="http://snapshot.debian.org/archive/\\1/$snapshot"
  # The archive is signed: apt asks for no https, and the base may have no certificates yet.
  sed -i -E "s#^URIs: *https?://deb\\.debian\\.org/(debian|debian-security)/?\$#URIs: $archive#" "$sources"
  if grep '^URIs:' "$sources" | grep -v "/$snapshot\$" >&2; then
    echo "packages.sh: this source is not known to snapshot.debian.org: build on Debian's own, or without SNAPSHOT" >&2
    exit 1
  fi
  # What an archive says of its own age is meant for mirrors.
  set -- -o Acquire::Check-Valid-Until=false -o Acquire::Retries=5
fi
apt-get "$@" update
apt-get "$@" install --yes --no-install-recommends git ca-certificates
