/** `explain --url`: the same question, put to a router that runs. */
import { whyUnreadable } from "../config/read/sources.ts"
import type { Explanation } from "../explain/explanation.ts"
import { readFileSync } from "node:fs"
import { printError, UsageError, type Arguments } from "./command.ts"
import { readSecret } from "./secret-input.ts"
import { givenEnvironment } from "./environment.ts"

const PATH = "/admin/api/explain"
const PASSWORD_VARIABLE = "SMART_ROUTER_ADMIN_PASSWORD"
const WITHIN_MS = 30_000

/** Null: there is no answer, and why was printed. @throws UsageError */
export async function explainedByRouter(options: Arguments, dialect: string): Promise<Explanation | null> {
  const url = addressOf(options.text("url") ?? "")
  const user = options.text("user")
  if (user === undefined) throw new UsageError("Who asks? --user NAME, an administrator of that router.")
  for (const name of ["config", "script"])
    if (options.text(name) !== undefined) throw new UsageError(`The option --${name} does not go with --url.`)
  const id = options.text("id")
  const question = id === undefined ? questionOf(options, dialect) : null
  if (id === undefined && question === null) return null
  const password = givenEnvironment()[PASSWORD_VARIABLE] ?? (await readSecret(`Password of ${user}: `))
  try {
    const answer = await fetch(`${url}${PATH}${id === undefined ? "" : `/${encodeURIComponent(id)}`}`, {
      method: question === null ? "GET" : "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
        ...(question === null ? {} : { "content-type": "application/json" }),
      },
      ...(question === null ? {} : { body: question }),
      // whoever is led elsewhere would take the password along
      redirect: "error",
      signal: AbortSignal.timeout(WITHIN_MS),
    })
    const body: unknown = await answer.json()
    if (answer.status === 200) return body as Explanation
    const message = (body as { readonly error?: { readonly message?: unknown } } | null)?.error?.message
    printError(`The router answers ${answer.status}: ${typeof message === "string" ? message : "no reason is given"}`)
  } catch (error) {
    printError(`${url} gives no answer that can be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  return null
}

/** Passwords do not cross a network in the open. */
function addressOf(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "")
    throw new UsageError("--url takes an address such as https://router.example or http://127.0.0.1:8080.")
  if (url.protocol === "http:" && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname))
    throw new UsageError("Without TLS the password could be read on the way: --url takes https:// for other machines.")
  return url.origin + url.pathname.replace(/\/+$/, "")
}

/** The file's own bytes in an envelope: the router judges them as they are. */
function questionOf(options: Arguments, dialect: string): string | null {
  const file = options.text("request") ?? ""
  const caller = options.text("caller")
  if (caller === undefined) throw new UsageError("Whose call is it? --caller ID.")
  try {
    return `{"caller":${JSON.stringify(caller)},"dialect":${JSON.stringify(dialect)},"request":${readFileSync(file, "utf8")}}`
  } catch (error) {
    printError(`${file} cannot be read: ${whyUnreadable(error)}.`)
    return null
  }
}
