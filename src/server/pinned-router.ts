/**
 * A router of its own for checks: it serves one group, by one of its targets, to one caller without limits, by the same
 * steps and with the group's own settings. What it records goes into a folder that is removed behind it.
 */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Config, GroupConfig } from "../config/config.ts"
import { readCallers } from "../config/callers.ts"
import type { Reading } from "../config/reading.ts"
import { marksOf } from "../config/reload/marks.ts"
import { type Log, silentLog } from "../system/log.ts"
import type { Random } from "../system/random.ts"

export interface PinnedRouter {
  readonly url: string
  readonly token: string
  readonly group: string
  close(): Promise<void>
}

export interface Pinning {
  readonly configPath: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly loaded: Pick<Reading, "admin"> & { readonly config: Config }
  readonly group: string
  /** Its place among the targets of the group. */
  readonly targetIndex: number
  readonly random: Pick<Random, "hex">
  readonly start: StartRouter
}

/** `startRouter`: handed in, because a running router starts such routers too. */
export type StartRouter = (options: {
  readonly configPath: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly loaded: Reading
  readonly listen: { readonly hostname: string; readonly port: number }
  readonly log: Log
}) => Promise<{ readonly url: string; readonly stop: (withinMs: number) => Promise<void> }>

const NAME = "validate"
const TOKEN_BYTES = 32
const STOP_WITHIN_MS = 5000
const UNLIMITED: Config["server"]["default_caller"] = {
  rate: { rpm: 0, tpm: 0, concurrent: 0 },
  quota: { day: { requests: 0, tokens: 0 }, month: { requests: 0, tokens: 0 }, soft_pct: 0 },
  spend: { day_usd: 0, month_usd: 0 },
}

/** Listens on 127.0.0.1 alone. Rejects where the configuration cannot be served, for example because of a script. */
export async function startPinnedRouter(pinning: Pinning): Promise<PinnedRouter> {
  const { configPath, env, loaded, group, random, start } = pinning
  const folder = mkdtempSync(join(tmpdir(), "smart-router-validate-"))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const token = `rtr_${NAME}_${random.hex(TOKEN_BYTES)}`
  try {
    const config = pinnedConfig(pinning, folder)
    const reading = await readingOf(config, loaded.admin, token, group)
    const listen = { hostname: "127.0.0.1", port: 0 }
    const router = await start({ configPath, env, loaded: reading, listen, log: silentLog })
    const close = async (): Promise<void> => {
      await router.stop(STOP_WITHIN_MS)
      remove()
    }
    return { url: router.url, token, group, close }
  } catch (error) {
    remove()
    throw error
  }
}

function pinnedConfig({ loaded: { config }, group: name, targetIndex }: Pinning, folder: string): Config {
  const group = config.models[name]
  const target = group?.targets[targetIndex]
  if (group === undefined || target === undefined) throw new Error("there is no such target")
  const { callers_file: _, ...rest } = config
  const { content_capture: _capture, ...server } = config.server
  return {
    ...rest,
    server: {
      ...server,
      default_model_group: null,
      workers: 1,
      watch_config: false,
      usage_db: { driver: "sqlite", path: join(folder, "usage.sqlite"), durability: "async", on_unavailable: "spool" },
      logging: { ...server.logging, path: join(folder, "requests.jsonl") },
      state: { driver: "memory", on_unavailable: "fail_closed" },
      cache: { ...server.cache, enabled: false },
      default_caller: UNLIMITED,
      traffic_shape: { ...server.traffic_shape, enabled: false },
      retention: { ...server.retention, enabled: false },
      admin_reports: { ...server.admin_reports, enabled: false },
      admin_auth: {
        ...server.admin_auth,
        basic: { ...server.admin_auth.basic, enabled: false },
        oidc: { ...server.admin_auth.oidc, enabled: false },
        authorization: { ...server.admin_auth.authorization, enabled: false },
      },
    },
    models: { [name]: pinnedGroup(group, target) },
    users: [{ id: NAME, type: "service", status: "active" }],
    projects: [{ id: NAME, status: "active", ...UNLIMITED }],
    project_memberships: [{ user_id: NAME, project: NAME, role: "owner", status: "active" }],
    callers: [],
  }
}

/** Everything stays that works on a call; other targets, further names, and what is recorded of content do not. */
function pinnedGroup(group: GroupConfig, target: GroupConfig["targets"][number]): GroupConfig {
  return {
    ...group,
    targets: [target],
    aliases: [],
    activation: { ...group.activation, mode: "off" },
    shadow: null,
    content_capture: undefined,
  }
}

async function readingOf(config: Config, admin: Reading["admin"], token: string, group: string): Promise<Reading> {
  const caller = {
    id: NAME,
    owner_user: NAME,
    project: NAME,
    environment: NAME,
    status: "active",
    token_sha256: createHash("sha256").update(token).digest("hex"),
    token_id: `rtr_${NAME}`,
    allow: [group],
  }
  const faults: string[] = []
  const callers = await readCallers({
    config,
    context: "",
    inline: new Uint8Array(),
    file: oneChunk(JSON.stringify(caller)),
    before: null,
    report: ({ severity, message }) => {
      if ((severity ?? "error") === "error") faults.push(message)
    },
    pause: () => Promise.resolve(),
  })
  if (faults.length > 0) throw new Error(faults.join(" "))
  return {
    config,
    callers,
    findings: [],
    files: [],
    prints: new Map(),
    digest: "",
    admin,
    marks: marksOf(config),
    lineOf: () => null,
  }
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}
