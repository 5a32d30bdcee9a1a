/** Which content of calls is stored, and with which key. */
import type { Config, ContentCapture, OwnContentCapture } from "../config.ts"

/** What is stored of a call. */
export interface CaptureRule {
  readonly request: boolean
  readonly answer: boolean
  readonly toolCalls: boolean
  readonly images: boolean
  readonly upstreamErrors: boolean
  /** Lower-case names of request headers. */
  readonly headers: readonly string[]
  /** In the syntax of RE2. */
  readonly patterns: readonly string[]
  /** Of one body. */
  readonly maxBytes: number
  readonly retentionMs: number
}

export interface CaptureKey {
  readonly id: string
  /** 32 bytes. */
  readonly bytes: Uint8Array
}

export interface CaptureSettings {
  /** Null: content of these calls is not stored. */
  readonly ruleOf: (group: Capturing, caller: Capturing) => CaptureRule | null
  /** New content is stored with it. */
  readonly key: CaptureKey
  /** Content is read with them, `key` first. */
  readonly keys: readonly CaptureKey[]
}

/** A group or a caller. */
export interface Capturing {
  /** What is stored of its calls beside what the server says; null: nothing differs. */
  readonly capture: OwnContentCapture | null
}

const DAY_MS = 86_400_000

/** Null: nothing is stored, and what was stored cannot be read. */
export function captureSettings({ server: { content_capture: server } }: Config): CaptureSettings | null {
  if (server === undefined) return null
  const { local_key_id: id, local_key: text, previous_keys: previous } = server.encryption
  const bytes = text === undefined ? null : keyBytes(text)
  if (bytes === null) return null
  const key = { id, bytes }
  const others = previous.flatMap(({ local_key_id, local_key }) => {
    const old = keyBytes(local_key)
    return old === null ? [] : [{ id: local_key_id, bytes: old }]
  })
  return { ruleOf: rulesFrom(server), key, keys: [key, ...others] }
}

/** Made once for each group, and for what callers say for themselves. */
function rulesFrom(server: ContentCapture): CaptureSettings["ruleOf"] {
  const rules = new WeakMap<Capturing, WeakMap<object, CaptureRule | null>>()
  return (group, { capture: own }) => {
    const ofGroup = rules.get(group) ?? new WeakMap<object, CaptureRule | null>()
    rules.set(group, ofGroup)
    const key = own ?? group
    const found = ofGroup.get(key)
    if (found !== undefined) return found
    const rule = captureRule(server, group.capture, own)
    ofGroup.set(key, rule)
    return rule
  }
}

/** Null: the text is no key. */
export function keyBytes(text: string): Uint8Array | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return new Uint8Array(Buffer.from(text, "hex"))
  const plain = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "")
  if (!/^[A-Za-z0-9+/]{43}$/.test(plain)) return null
  const bytes = Buffer.from(plain, "base64")
  return bytes.length === 32 ? new Uint8Array(bytes) : null
}

/** Null: content of these calls is not stored. */
export function captureRule(
  server: ContentCapture,
  group: OwnContentCapture | null,
  caller: OwnContentCapture | null,
): CaptureRule | null {
  if (group?.enabled === false || caller?.enabled === false) return null
  if (!server.enabled && group?.enabled !== true && caller?.enabled !== true) return null
  const said = { ...server, ...definedOf(group), ...definedOf(caller) }
  const patterns = [server, group, caller].flatMap((block) => block?.redaction_patterns ?? [])
  return {
    request: said.capture_request,
    answer: said.capture_response,
    toolCalls: said.capture_tool_calls,
    images: said.capture_images,
    upstreamErrors: said.capture_upstream_errors,
    headers: [...new Set(said.capture_headers_allowlist.map((name) => name.toLowerCase()))],
    patterns: [...new Set(patterns)],
    maxBytes: said.max_capture_bytes,
    retentionMs: said.retention_days * DAY_MS,
  }
}

export function storesNothing({ request, answer, upstreamErrors, headers }: CaptureRule): boolean {
  return !request && !answer && !upstreamErrors && headers.length === 0
}

function definedOf(block: OwnContentCapture | null): Partial<ContentCapture> {
  return Object.fromEntries(Object.entries(block ?? {}).filter(([, value]) => value !== undefined))
}
