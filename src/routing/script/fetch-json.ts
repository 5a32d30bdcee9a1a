/** `router.fetchJSON`: what a script may ask of the hosts that the operator listed. */
import type { PolicyHttp } from "../../config/compile/policy-settings.ts"
import { jsonText, type PolicyClient } from "../policy/http.ts"

type Init = { readonly method?: unknown; readonly headers?: unknown; readonly body?: unknown }

const MOST_SENT_BYTES = 1_048_576
/** Characters of what is sent with all around it: more is not even parsed. */
const MOST_READ = 2 * MOST_SENT_BYTES
const MAY_SET = /^(?:accept|content-type|x-[a-z0-9-]{1,64})$/
const VALUE = /^[\t\x20-\x7e]{0,1024}$/

/** Resolves with `{"ok":…,"status":…,"body":…}` or `{"error":code}` as JSON. Never rejects. */
export async function fetchJson(client: PolicyClient, rules: PolicyHttp, url: string, init: string): Promise<string> {
  if (init.length > MOST_READ) return failed("too-large")
  const { method = "GET", headers = {}, body } = (JSON.parse(init) ?? {}) as Init
  const allowed = headersOf(headers)
  const sent = method === "POST" ? Buffer.from(JSON.stringify(body ?? null)) : null
  if (method !== "GET" && method !== "POST") return failed("bad-method")
  if (allowed === null) return failed("bad-header")
  if (method === "GET" && body !== undefined) return failed("bad-body")
  if (sent !== null && sent.length > MOST_SENT_BYTES) return failed("too-large")
  const answer = await client.send({
    url,
    method,
    headers: method === "POST" ? { "content-type": "application/json", ...allowed } : allowed,
    body: sent,
    rules,
    keepMethod: false,
  })
  if (answer.kind === "fault") return failed(answer.fault)
  const ok = answer.status >= 200 && answer.status < 300
  const json = jsonText(answer.bytes)
  if (json === null && ok) return failed("not-json")
  return `{"ok":${ok},"status":${answer.status},"body":${json ?? "null"}}`
}

function failed(code: string): string {
  return JSON.stringify({ error: code })
}

function headersOf(headers: unknown): Readonly<Record<string, string>> | null {
  if (typeof headers !== "object" || headers === null) return null
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value as unknown] as const)
  const fine = entries.every(([name, value]) => MAY_SET.test(name) && typeof value === "string" && VALUE.test(value))
  return fine ? (Object.fromEntries(entries) as Readonly<Record<string, string>>) : null
}
