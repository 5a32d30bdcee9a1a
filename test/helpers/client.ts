/** Calls through the public door, and what came back byte by byte. */
import type { Dialect } from "./samples.ts"
import { SAMPLES } from "./samples.ts"

export interface CallOptions {
  readonly path?: string
  readonly method?: string
  /** Null sends no credential at all. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  readonly text: string
  readonly requestId: string
  /** Whether the connection broke before the body's end. */
  readonly broken: boolean
}

export interface Door {
  readonly url: string
  readonly token: string
}

/** Sends a request and resolves with the head as soon as it arrives. */
export async function open(
  door: Door,
  dialect: Dialect,
  body: string | Uint8Array | null,
  options: CallOptions = {},
): Promise<Response> {
  const token = options.token === undefined ? door.token : options.token
  return fetch(door.url + (options.path ?? SAMPLES[dialect].path), {
    method: options.method ?? "POST",
    headers: {
      ...(body === null ? {} : { "content-type": "application/json" }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...options.headers,
    },
    redirect: "manual",
    ...(body === null ? {} : { body: typeof body === "string" ? body : Buffer.from(body) }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}

/** Sends a request and reads the whole answer. */
export async function call(
  door: Door,
  dialect: Dialect,
  body: string | Uint8Array | null,
  options: CallOptions = {},
): Promise<Answer> {
  return readAnswer(await open(door, dialect, body, options))
}

export async function get(door: Door, path: string, options: CallOptions = {}): Promise<Answer> {
  return call(door, "chat", null, { method: "GET", ...options, path })
}

/** Reads an answer to its end; `seen` is called with all the text so far whenever some arrived. */
export async function readAnswer(response: Response, seen?: (text: string) => void): Promise<Answer> {
  const parts: Uint8Array[] = []
  let broken = false
  try {
    for await (const part of response.body ?? []) {
      parts.push(part)
      seen?.(Buffer.concat(parts).toString("utf8"))
    }
  } catch {
    broken = true
  }
  const bytes = Buffer.concat(parts)
  const requestId = response.headers.get("x-request-id") ?? ""
  return { status: response.status, headers: response.headers, bytes, text: bytes.toString("utf8"), requestId, broken }
}

const POLL_MS = 10
/** For machines that are slow or busy; a wait that succeeds never comes near. */
const LONGEST_WAIT_MS = 120_000

/** Polls until `probe` gives something; fails loudly instead of hanging. */
export async function eventually<T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let round = 0; round < LONGEST_WAIT_MS / POLL_MS; round += 1) {
    const found = await probe()
    if (found !== undefined) return found
    await Bun.sleep(POLL_MS)
  }
  throw new Error(`did not happen in time: ${what}`)
}
