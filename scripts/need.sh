#!/bin/sh
# Finds what the tests need beside Go, or installs it on Debian and Ubuntu: the
# PostgreSQL server programs, with which the tests start clusters of their own; a
# C compiler, without which Go has no race detector; Chromium, which uses the
# pages; Node, which runs the checker of their HTML; curl, which the documentation
# has its readers use; and what reads and installs packages. The checker itself is
# installed below tools/html. It starts no server and touches no existing one.
set -eu

server() {
	if command -v initdb >/dev/null 2>&1 && command -v postgres >/dev/null 2>&1; then
		initdb --version
		return 0
	fi
	for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
			"$dir/initdb" --version
			return 0
		fi
	done
	return 1
}

# A compiler without the C library's headers is none.
compiler() {
	for cc in "$(go env CC)" gcc clang; do
		if echo '#include <stdlib.h>' | $cc -E - >/dev/null 2>&1; then
			command -v "$cc"
			return 0
		fi
	done
	return 1
}

# Chromium or Chrome that starts; some systems have a launcher for none.
browser() {
	for name in chromium chromium-browser google-chrome; do
		if "$name" --version 2>/dev/null; then
			return 0
		fi
	done
	return 1
}

# What reads and installs the packages that are made of a release, for Debian,
# systemd and Nix, and what stands before the server.
packagers() {
	for name in dpkg-deb adduser systemd-analyze nix-instantiate nginx; do
		command -v "$name" || return 1
	done
}

# Node 18.19 or newer, and npm.
javascript() {
	command -v npm >/dev/null 2>&1 || return 1
	node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 18 || (a == 18 && b >= 19) ? 0 : 1)' 2>/dev/null || return 1
	node --version
}

as_root=
if [ "$(id -u)" -ne 0 ]; then
	as_root="sudo -n"
fi

# need WHAT CHECK PACKAGE... makes sure that CHECK finds WHAT.
need() {
	what=$1 check=$2
	shift 2
	if found=$($check); then
		echo "$what: $found"
		return 0
	fi
	if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
		echo "$what: not found, installing it"
		$as_root apt-get update -qq >/dev/null
		# A server package would start a server; the tests do not need it.
		$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null
		if found=$($check); then
			echo "$what: $found"
			return 0
		fi
	fi
	echo "The tests need $what. Install it, for example with: apt-get install $*" >&2
	return 1
}

need "PostgreSQL's server programs (initdb and postgres, 15 or newer)" server postgresql
need "a C compiler for the race detector" compiler gcc libc6-dev
need "Chromium or Chrome" browser chromium fonts-liberation
need "Node (18.19 or newer) with npm" javascript nodejs npm
need "curl" "command -v curl" curl
if [ "$(uname)" = Linux ]; then
	need "dpkg, systemd-analyze, nix-instantiate and nginx" packagers dpkg adduser systemd nix-bin nginx
fi

cd "$(dirname "$0")/../tools/html"
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
	echo "The checker of the pages' HTML: installing it"
	npm ci --silent
fi
echo "The checker of the pages' HTML: $(node node_modules/html-validate/bin/html-validate.mjs --version)"
