#!/bin/sh
# Finds the PostgreSQL server programs that the tests start their own clusters
# with, or installs Debian's. It starts no server and touches no existing one.
set -eu

# found looks where internal/sqldb/sqltest looks.
found() {
	for initdb in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb "$(pg_config --bindir 2>/dev/null || true)/initdb"; do
		real=$(readlink -f "$initdb" 2>/dev/null || true)
		if [ -x "$real" ] && [ -x "$(dirname "$real")/postgres" ]; then
			"$real" --version
			return 0
		fi
	done
	return 1
}

if version=$(found); then
	echo "PostgreSQL for the tests: $version"
	exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root="sudo -n"
fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
	echo "PostgreSQL for the tests: not found, installing it"
	$as_root apt-get update -qq >/dev/null
	# The package would start a server of its own; the tests do not need it.
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends postgresql >/dev/null
	if version=$(found); then
		echo "PostgreSQL for the tests: $version"
		exit 0
	fi
fi

echo "The tests need the PostgreSQL server programs (initdb and postgres), version 15 or newer." >&2
echo "Install them, for example with: apt-get install postgresql" >&2
exit 1
