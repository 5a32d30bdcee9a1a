/** A PgBouncer for tests in front of a PostgreSQL, where the machine has one. */
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { execute, POSTGRES_USER } from "./postgres.ts"

const PROGRAM = Bun.which("pgbouncer") ?? Bun.which("/usr/sbin/pgbouncer")

/** Stands in the names of tests that cannot run: why. */
export const noPgbouncer: string | null =
  PROGRAM === null ? "no pgbouncer on this machine (Debian: apt-get install pgbouncer)" : null

export interface Pgbouncer extends AsyncDisposable {
  readonly dsn: string
}

/** `server`: the address behind it. */
export async function startPgbouncer(server: string, mode: "session" | "transaction"): Promise<Pgbouncer> {
  if (PROGRAM === null) throw new Error(noPgbouncer ?? "")
  const folder = mkdtempSync(path.join(tmpdir(), "pgbouncer-test-"))
  const port = freePort()
  const { hostname, port: behind } = new URL(server)
  const settings = [
    "[databases]",
    `postgres = host=${hostname} port=${behind} dbname=postgres`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = any",
    `pool_mode = ${mode}`,
    `default_pool_size = ${mode === "session" ? 20 : 3}`,
    "ignore_startup_parameters = statement_timeout",
  ]
  // any user is the one who owns the database
  const text = settings.join("\n").replace("dbname=postgres", "dbname=postgres user=postgres")
  const file = path.join(folder, "pgbouncer.ini")
  writeFileSync(file, `${text}\n`)
  chmodSync(folder, 0o755)
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(folder, POSTGRES_USER, POSTGRES_USER)
  const who = isRoot ? [`--reuid=${POSTGRES_USER}`, `--regid=${POSTGRES_USER}`, "--clear-groups"] : []
  const command = ["setpriv", ...who, "--pdeathsig", "KILL", PROGRAM, file]
  const child = Bun.spawn(command, { cwd: "/", stdout: "ignore", stderr: "ignore" })
  const dsn = `postgres://postgres@127.0.0.1:${port}/postgres`
  for (;;) {
    const answers = await execute(dsn, "SELECT 1").then(
      () => true,
      () => false,
    )
    if (answers) break
    if (child.exitCode !== null) throw new Error("PgBouncer did not start")
    await Bun.sleep(20)
  }
  return {
    dsn,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL")
      await child.exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  const { port } = listener
  listener.stop(true)
  return port
}
