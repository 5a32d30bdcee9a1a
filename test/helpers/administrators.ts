/** Administrators for tests: who they are, and how they ask. */
import { spyOn } from "bun:test"
import type { Answer, Door } from "./client.ts"
import { readAnswer } from "./client.ts"
import type { Config } from "./config.ts"

type Block = Record<string, unknown>

export const PASSWORD = "correct horse battery"
/** Of `PASSWORD`, at the lowest cost that is taken. */
export const PASSWORD_HASH: string = Bun.password.hashSync(PASSWORD, { algorithm: "bcrypt", cost: 10 })
export const HASHES: Readonly<Record<string, string>> = { ADMIN_HASH: PASSWORD_HASH }

export function user(username: string, more: Block = {}): Block {
  return { username, password_hash_env: "ADMIN_HASH", permissions: ["admin:explain:read"], ...more }
}

/**
 * Until disposed, a password is compared without computing bcrypt, which takes a twentieth of a second for each request:
 * for tests that are not about signing in.
 */
export function cheapPasswords(): Disposable {
  const isRight = (password: unknown, hash: string): Promise<boolean> =>
    Promise.resolve(password === PASSWORD && hash === PASSWORD_HASH)
  const spy = spyOn(Bun.password, "verify").mockImplementation(isRight)
  return { [Symbol.dispose]: () => spy.mockRestore() }
}

/** Signing in without TLS, by users with permissions. */
export function withAdministrators(config: Config, users: readonly Block[], more: Block = {}, auth: Block = {}): void {
  config.server["admin_auth"] = { basic: { enabled: true, allow_insecure_http: true, users, ...more }, ...auth }
}

export interface AdminRequest {
  readonly user?: string
  readonly password?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown
}

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`
}

/** With `user` absent without a credential. */
export async function ask(door: Pick<Door, "url">, path: string, request: AdminRequest = {}): Promise<Answer> {
  const { user: name, password = PASSWORD, body } = request
  const text = typeof body === "string" ? body : JSON.stringify(body)
  return readAnswer(
    await fetch(door.url + path, {
      method: request.method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(name === undefined ? {} : { authorization: basic(name, password) }),
        ...request.headers,
      },
      ...(body === undefined ? {} : { body: text }),
    }),
  )
}
