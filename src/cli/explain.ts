import { resolve } from "node:path"
import { nearest } from "../nearest.ts"
import type { Config } from "../config/config.ts"
import type { Credential, Group, Snapshot } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { explainedRequest, type Explanation } from "../explain/explanation.ts"
import { explanationText } from "../explain/explanation-text.ts"
import { decidedCall } from "../ledger/decision-queries.ts"
import { whyNoCall } from "../ledger/retention/marks.ts"
import { standingsFor } from "./proofs.ts"
import { dryRun, type DryRun } from "../pipeline/rehearsal/dry-run.ts"
import { recordedExplanation } from "../pipeline/rows/recorded-explanation.ts"
import { dryGateway, type DryGateway } from "../server/dry-gateway.ts"
import { EXIT, print, printError, readArguments, UsageError, type Arguments } from "./command.ts"
import { explainedByRouter } from "./explain-running.ts"
import { configPath, loadOrReport, openedReader, type Loaded } from "./loaded.ts"
import { dialectOf, readRequest } from "./request-file.ts"

const HELP = `Explain where a call goes and why: each target, what speaks against it, its score, the order, the expected cost.

Usage: smart-router explain --request FILE --caller ID [--dialect DIALECT] [--config FILE] [--json]
       smart-router explain --request FILE --caller ID --script SCRIPT [...]
       smart-router explain --id REQUEST_ID [--config FILE] [--json]
       smart-router explain --url URL --user NAME (--request FILE --caller ID [--dialect DIALECT] | --id REQUEST_ID) [--json]

Options:
  --request FILE     a request body as a client would send it; decided by the real steps, sent nowhere, not recorded
  --caller ID        whose call it is: an id under callers:
  --dialect DIALECT  openai-chat (the default), openai-responses or anthropic
  --script SCRIPT    with --request: let this routing script decide, whatever the group's own strategy is
  --id REQUEST_ID    a call that was made (X-Request-Id), from the usage database; complete where
                     server.decision_telemetry was on when it was made
  --config FILE      the configuration; config.yaml in this folder by default
  --url URL          ask the router that runs there: it knows breakers, pauses, pins and live figures
  --user NAME        with --url: the administrator who asks (permission admin:explain:read). The password comes from
                     SMART_ROUTER_ADMIN_PASSWORD, a terminal, or the first line of the standard input
  --json             for machines
  -h, --help         show this

Exit codes: 0 explained, and a target serves the call; 1 no target does, or there is no such call or configuration;
2 wrong arguments.

Examples:
  smart-router explain --request body.json --caller app-1
  smart-router explain --request body.json --caller app-1 --dialect anthropic --json | jq '.targets[].reasons'
  smart-router explain --id req_019ac1a0b2c3d4e5f60718293a4b5c6d
  smart-router explain --url http://127.0.0.1:8080 --user ann --request body.json --caller app-1`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["request", "caller", "dialect", "script", "id", "config", "url", "user"],
    flags: ["json"],
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [request, id] = [options.text("request"), options.text("id")]
  if ((request === undefined) === (id === undefined))
    throw new UsageError("Give either --request FILE or --id REQUEST_ID.")
  if (id !== undefined)
    for (const name of ["caller", "dialect", "script"])
      if (options.text(name) !== undefined) throw new UsageError(`The option --${name} goes with --request.`)
  const dialect = dialectOf(options)
  if (options.text("url") === undefined && options.text("user") !== undefined)
    throw new UsageError("The option --user goes with --url.")
  const isRemote = options.text("url") !== undefined
  const explanation = isRemote ? await explainedByRouter(options, dialect) : await explainedHere(options, dialect)
  if (explanation === null) return EXIT.failed
  print(options.flag("json") ? JSON.stringify(explanation, null, 2) : explanationText(explanation))
  return explanation.error === null ? EXIT.ok : EXIT.failed
}

async function explainedHere(options: Arguments, dialect: DialectName): Promise<Explanation | null> {
  const script = options.text("script")
  const path = configPath(options.text("config"))
  const config = await loadOrReport(path, script === undefined ? undefined : decidedBy(script))
  if (config === null) return null
  const id = options.text("id")
  return id === undefined
    ? explainRequest(options.text("request") ?? "", dialect, options, config)
    : explainCall(id, config)
}

async function explainRequest(
  file: string,
  dialect: DialectName,
  options: Arguments,
  loaded: Loaded,
): Promise<Explanation | null> {
  const credential = credentialOf(options.text("caller"), loaded.snapshot)
  const body = readRequest(file)
  if (body === null) return null
  const dry = await decided(body, dialect, credential, loaded)
  if (dry === null) return null
  return explainedRequest(dry, credential.caller, [
    "Breakers, pauses and pins are known to a running router only: here every target is well and no conversation is pinned.",
    ...(dry.group?.strategy === "dynamic_score"
      ? ["No live figures here, so the targets are ordered as at a cold start."]
      : []),
  ])
}

/** Null: a script or the usage database cannot be used, and why was printed. */
async function decided(
  body: Uint8Array,
  dialect: DialectName,
  credential: Credential,
  { config, snapshot }: Loaded,
): Promise<DryRun | null> {
  let dry: DryGateway
  try {
    const groups = groupNamedIn(body, snapshot)
    dry = await dryGateway(snapshot, groups, await standingsFor(groups.values(), config))
  } catch (error) {
    printError(error instanceof Error ? error.message : String(error))
    return null
  }
  try {
    return await dryRun(body, DIALECTS[dialect], credential, dry.gateway, false)
  } finally {
    dry.close()
  }
}

/** Whose script must be ready. What is wrong with the body is for the steps to say. */
function groupNamedIn(body: Uint8Array, { groups, defaultGroup }: Snapshot): ReadonlyMap<string, Group> {
  let named: unknown
  try {
    named = (JSON.parse(Buffer.from(body).toString()) as { readonly model?: unknown } | null)?.model
  } catch {
    return new Map()
  }
  const group = groups.get(typeof named === "string" ? named : (defaultGroup ?? ""))
  return new Map(group === undefined ? [] : [[group.name, group]])
}

function decidedBy(script: string): (config: Config) => Config {
  const strategy = { strategy: "script", script: resolve(script) } as const
  return (config) => ({
    ...config,
    models: Object.fromEntries(Object.entries(config.models).map(([name, group]) => [name, { ...group, ...strategy }])),
  })
}

function credentialOf(id: string | undefined, snapshot: Snapshot): Credential {
  const known = new Map([...snapshot.credentials.values()].map((credential) => [credential.caller.id, credential]))
  if (id === undefined) throw new UsageError("Whose call is it? --caller ID.")
  const found = known.get(id)
  if (found !== undefined) return found
  const meant = nearest(id, [...known.keys()])
  throw new UsageError(
    `There is no caller ${JSON.stringify(id)}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
  )
}

async function explainCall(id: string, { config, snapshot }: Loaded): Promise<Explanation | null> {
  if (!/^req_[0-9a-f]{32}$/.test(id)) throw new UsageError("A request id is req_ and 32 hex digits.")
  const reader = await openedReader(config)
  if (reader === null) return null
  try {
    const call = await decidedCall(reader, id)
    if (call === null) {
      printError(`${id}: ${await whyNoCall(reader, id)}`)
      return null
    }
    return recordedExplanation(call, snapshot)
  } finally {
    await reader.close()
  }
}
