# Sourced, not run: `install_packages runtime|development` brings node_modules of $root up to package-lock.json, once,
# however many processes ask at the same time. Says what it does on standard error; ends the process where it cannot.

fail() {
  echo "smart-router: $*" >&2
  exit 1
}

# A full install serves as a runtime install too. The copy of package-lock.json is written after a complete install;
# the file that npm leaves behind counts as well, so that a plain `npm install` is enough.
packages_are_current() {
  if [ "$1" = development ] && ! [ -e "$root/node_modules/typescript/package.json" ]; then return 1; fi
  cmp -s "$root/package-lock.json" "$root/node_modules/.smart-router-lock" && return 0
  [ -e "$root/node_modules/.package-lock.json" ] || return 1
  [ -z "$(find "$root/package-lock.json" -newer "$root/node_modules/.package-lock.json")" ] || return 1
  bun_works && mark_current
}

mark_current() {
  cp "$root/package-lock.json" "$root/node_modules/.smart-router-lock" 2>/dev/null || true
}

bun_works() {
  "$root/node_modules/.bin/bun" --version >/dev/null 2>&1
}

install_packages() {
  packages_are_current "$1" && return 0
  command -v node >/dev/null 2>&1 || fail "Node.js 20 or newer is needed to install the packages, and no 'node' was found."
  command -v npm >/dev/null 2>&1 || fail "npm is needed to install the packages, and no 'npm' was found."
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "Node.js 20 or newer is needed, this is $(node --version)."
  take_install_lock
  if ! packages_are_current "$1"; then run_npm "$1"; fi
  drop_install_lock
}

run_npm() {
  # npm empties the folder behind a link, which others may use.
  [ ! -L "$root/node_modules" ] || fail "$root/node_modules is a link to packages of another version: remove the link."
  # A checkout with development packages keeps them; NODE_ENV and npm's own settings do not count.
  scope=--include=dev
  if [ "$1" = runtime ] && ! [ -e "$root/node_modules/typescript/package.json" ]; then scope=--omit=dev; fi
  echo "smart-router: installing packages into $root/node_modules (once, about 10 to 60 s) ..." >&2
  (cd "$root" && npm ci "$scope" --include=optional --no-audit --no-fund --loglevel=error) >&2 ||
    fail "npm could not install the packages (its own message stands above)."
  # npm runs no install scripts under some settings and, from version 12 on, none that are not approved.
  bun_works || (cd "$root/node_modules/bun" && node install.js) >&2 || true
  bun_works || fail "the Bun runtime from npm does not start on this machine: try '$root/node_modules/.bin/bun --version'."
  mark_current
}

# A folder is made by one process only. Whoever finds it waits, or takes it over when its owner is gone.
take_install_lock() {
  lock=$root/.install.lock
  waited=0
  until mkdir "$lock" 2>/dev/null; do
    # the lock may have been dropped since
    [ -d "$lock" ] || [ -w "$root" ] || fail "cannot write to $root, and its packages are not installed yet."
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null && ! [ -d "/proc/$owner" ]; then
      take_over_lock "$owner"
      continue
    fi
    [ "$waited" -gt 0 ] || echo "smart-router: another process is installing the packages, waiting for it ..." >&2
    [ "$waited" -lt 300 ] || fail "another process has been installing for 5 minutes; if none is, remove $lock."
    waited=$((waited + 1))
    sleep 1
  done
  echo $$ >"$lock/pid"
  trap drop_install_lock EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# Moving is atomic; if in the meantime someone else became the owner, they get their lock back.
take_over_lock() {
  mv "$lock" "$lock.$$" 2>/dev/null || return 0
  if [ "$(cat "$lock.$$/pid" 2>/dev/null)" = "$1" ]; then
    rm -rf "$lock.$$"
  else
    mv "$lock.$$" "$lock" 2>/dev/null || rm -rf "$lock.$$"
  fi
}

drop_install_lock() {
  rm -rf "$root/.install.lock"
  trap - EXIT INT TERM HUP
}
