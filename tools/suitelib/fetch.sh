# Sourced by redis-suite, after lib/setup.sh: fetches Debian's source package of Redis into .build-suite.

# apt checks the package's signature and sums. Its lists are our own: the system's need not name any sources.
# Returns 1 when the suite is not there and could not be fetched.
need_suite() {
  local place=$root/.build-suite
  local helper=$place/src/tests/test_helper.tcl
  if [[ ! -f $helper ]]; then
    local lists=$place/apt
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
    # The places that the system has its packages from have the sources as well.
    debian_sources() {
      apt-get indextargets 'Created-By: Packages' 'Origin: Debian' 'Component: main' --format \
        'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)' |
        sort -u >"$lists/sources.list"
      [[ -s $lists/sources.list ]]
    }
    debian_sources || { as_root apt-get update -qq </dev/null >&2 && debian_sources; } || return 1
    local options=(
      -o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=root
      -o Acquire::http::Timeout=20 -o Acquire::Retries=1
      -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache")
    echo "fetching the source package of Redis 7.0.15" >&2
    apt-get "${options[@]}" update -qq </dev/null >&2 || return 1
    (cd "$place" && apt-get "${options[@]}" source -qq --download-only redis </dev/null >&2) || return 1
    rm -rf "$place/new"
    mkdir "$place/new"
    tar -xzf "$place/redis_7.0.15.orig.tar.gz" -C "$place/new" --strip-components=1 || return 1
    rm -rf "$place/src"
    mv "$place/new" "$place/src"
  fi
  # Our additions are read just before the harness begins; the server it starts and the tools it calls are put in place.
  if ! grep -q NEEDLETAIL_SUITE "$helper"; then
    sed -i '0,/^if {\$::client} {/s//source $::env(NEEDLETAIL_SUITE)\n&/' "$helper"
    grep -q NEEDLETAIL_SUITE "$helper" || return 1
  fi
  ln -sf "$root/tools/suitelib/launcher" "$place/src/src/redis-server"
  local tool
  for tool in redis-cli redis-benchmark redis-check-rdb redis-check-aof; do
    ln -sf "/usr/bin/$tool" "$place/src/src/$tool"
  done
}
