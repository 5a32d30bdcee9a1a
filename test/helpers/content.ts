/** Content capture in tests: what the configuration says, and what administrators read. */
import { ask, HASHES, user, withAdministrators } from "./administrators.ts"
import { type Answer, type Door, eventually } from "./client.ts"
import type { Config } from "./config.ts"

type Block = Record<string, unknown>

export const KEY: string = "c21hcnQtcm91dGVyIHRlc3Qga2V5IG9mIDMyIGJ5dGU="
export const OTHER_KEY: string = "ff".repeat(32)
export const CONTENT_ENV: Readonly<Record<string, string>> = { ...HASHES, CONTENT_CAPTURE_LOCAL_KEY: KEY }

/** All parts of calls. */
export const ALL_PARTS: Block = {
  capture_request: true,
  capture_response: true,
  capture_tool_calls: true,
  capture_images: true,
  capture_upstream_errors: true,
}

const PERMISSIONS = ["content:capture:read|delete|purge", "admin:reports:read|drilldown"]

/** `ann` may read and delete what is stored of calls. */
export function capturing(config: Config, capture: Block, users: readonly Block[] = []): void {
  config.server["content_capture"] = { enabled: true, ...capture }
  const authorization = { enabled: true, policy: ["p, nobody, *, metrics, read"] }
  const all = [user("ann", { permissions: PERMISSIONS }), ...users]
  withAdministrators(config, all, {}, { authorization, sessions: { secure_cookies: false } })
  config.server["admin_reports"] = { enabled: true, security: { enabled: true } }
}

export interface Part {
  readonly part: string
  readonly form: string
  readonly content: string
  readonly original_bytes: number
  readonly kept_bytes: number
  readonly truncated: boolean
  readonly redactions: number
  readonly left_out: number
}

export function readContent(door: Pick<Door, "url">, requestId: string, name = "ann"): Promise<Answer> {
  return ask(door, `/admin/reports/api/content/${requestId}`, { user: name })
}

/** The parts of a call by their names, as soon as they are stored. */
export async function partsOf(door: Pick<Door, "url">, requestId: string): Promise<Readonly<Record<string, Part>>> {
  const answer = await eventually(`the content of ${requestId} is stored`, async () => {
    const read = await readContent(door, requestId)
    return read.status === 404 ? undefined : read
  })
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`)
  const { parts } = JSON.parse(answer.text) as { readonly parts: readonly Part[] }
  return Object.fromEntries(parts.map((part) => [part.part, part]))
}
