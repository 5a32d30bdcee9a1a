/** `smart-router demo`: the product itself, with a provider that runs in the same process. */
import { dirname, resolve } from "node:path"
import { prepareConsole } from "../console/assets.ts"
import { startDemoProvider, type DemoProvider } from "../demo/provider.ts"
import { type RunningRouter, startRouter } from "../server/start.ts"
import { silentLog } from "../system/log.ts"
import { isCode } from "../system/owner-only.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { DEMO_ADMINISTRATOR, type DemoState, knowsToken, openDemoState, writeDemoVariables } from "./demo-state.ts"
import { prepareSample, writeSample } from "./demo-sample.ts"
import { demoWelcome } from "./demo-welcome.ts"
import { ensureRuntimeSettings } from "./reexec.ts"
import { givenEnvironment } from "./environment.ts"

const HELP = `Serve a DEMO: the real router with an embedded provider that needs no key and no network.

Usage: smart-router demo [--port PORT] [--dir FOLDER] [--no-sample]

Options:
  --port PORT   the port on 127.0.0.1; 8080 by default
  --dir FOLDER  where configuration, token, ledger and log of the demo are kept; .demo by default
  --no-sample   leave the sample data out of a new folder: a month of invented calls, so that reports have something to tell
  -h, --help    show this

The first start sets the folder up, later ones use it again, with the same token. To begin anew, delete it.

Exit codes: 0 stopped by Ctrl+C or SIGTERM, 1 the demo could not start, 2 wrong arguments.`

const HOSTNAME = "127.0.0.1"
const DEFAULT_PORT = 8080

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["port", "dir"], flags: ["no-sample"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const port = portOf(options.text("port"))
  ensureRuntimeSettings()
  if (isTaken(port)) return refuse(`The port ${port} is in use. Stop what uses it, or choose another: --port 8081`)
  let state: DemoState
  try {
    state = openState(resolve(options.text("dir") ?? ".demo"), port, !options.flag("no-sample"))
  } catch (error) {
    return refuse(`The demo folder cannot be set up: ${messageOf(error)}`)
  }
  if (!knowsToken(state)) {
    return refuse(
      `${state.configPath} does not know the token beside it. Delete the file or the whole folder and start again.`,
    )
  }
  return serve(state, port)
}

function portOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT
  const port = Number(text)
  if (!/^\d+$/u.test(text) || port > 65_535)
    throw new UsageError(`The port must be a number from 0 to 65535, not ${text}.`)
  return port
}

/** Asked before anything is opened: two demos must not share one ledger. */
function isTaken(port: number): boolean {
  if (port === 0) return false
  try {
    Bun.listen({ hostname: HOSTNAME, port, socket: { data() {} } }).stop(true)
    return false
  } catch (error) {
    if (isCode(error, "EADDRINUSE")) return true
    throw error
  }
}

function openState(folder: string, port: number, withSample: boolean): DemoState {
  const listen = `${HOSTNAME}:${port === 0 ? DEFAULT_PORT : port}`
  return openDemoState({ folder, listen, withSample, nowMs: Date.now() }, () =>
    crypto.getRandomValues(new Uint8Array(32)),
  )
}

async function serve(state: DemoState, port: number): Promise<number> {
  const key = `demo-${crypto.randomUUID()}`
  const provider = startDemoProvider({ now: Date.now, key })
  const password = randomText(12)
  const router = await start(state, port, { provider, key, password })
  if (router === null) {
    await provider.stop()
    return EXIT.failed
  }
  const stopped = untilStopped(router)
  if (state.hasConsole) void prepareConsole()
  const console = state.hasConsole ? { link: await router.signInLink(DEMO_ADMINISTRATOR), password } : null
  print(demoWelcome(router.url, state, process.cwd(), console))
  await Promise.all([stopped, addSample(state, router)])
  await provider.stop()
  print("The DEMO has stopped.")
  return EXIT.ok
}

function randomText(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url")
}

interface Made {
  readonly provider: DemoProvider
  readonly key: string
  readonly password: string
}

async function start(state: DemoState, port: number, { provider, key, password }: Made): Promise<RunningRouter | null> {
  try {
    const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 10 })
    const variables = { DEMO_PROVIDER_URL: provider.url, DEMO_PROVIDER_KEY: key, DEMO_ADMIN_HASH: hash }
    writeDemoVariables(dirname(state.configPath), variables)
    if (state.sample?.isDone === false) await prepareSample(state.sample, state.databasePath, silentLog)
    return await startRouter({
      configPath: state.configPath,
      env: { ...givenEnvironment(), ...variables },
      listen: { hostname: HOSTNAME, port },
      isSample: state.sample !== null,
    })
  } catch (error) {
    refuse(`The demo cannot start: ${messageOf(error)}\nIts configuration is ${state.configPath}`)
    return null
  }
}

/** Never rejects: the demo works without, and the next start goes on. */
async function addSample({ sample }: DemoState, router: RunningRouter): Promise<void> {
  if (sample === null || sample.isDone) return
  try {
    const calls = await writeSample(sample, router)
    if (calls !== null) print(`The sample data is complete: ${calls.toLocaleString("en")} invented calls.`)
  } catch (error) {
    printError(`smart-router demo: the sample data is not complete, the next start goes on: ${messageOf(error)}`)
  }
}

/** A second signal does not wait for the calls that are still in flight. */
async function untilStopped(router: RunningRouter): Promise<void> {
  let asked = false
  const stop = (): void => {
    if (asked) process.exit(EXIT.failed)
    asked = true
    void router.stop()
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  await router.finished
}

function refuse(message: string): number {
  printError(`smart-router demo: ${message}`)
  return EXIT.failed
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
