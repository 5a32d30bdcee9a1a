/** Which texts of a configuration are secret, so that logs can mask them. */
import type { z } from "zod"
import { bare, type Path } from "../schema/inspect.ts"

/** Shorter texts are not masked: they would be found everywhere. */
const SHORTEST = 6
const TELLTALE = /auth|key|token|secret|cookie|password|credential/i

/**
 * The secret parts of one text of the file.
 * @param text the whole value, with references filled in
 * @param inserted what the references put in
 * @param chain the schemas from the root down to this value
 */
export function secretsIn(
  text: string,
  inserted: readonly string[],
  path: Path,
  chain: readonly z.ZodType[],
): readonly string[] {
  const kind =
    chain.length > path.length ? chain.map((schema) => bare(schema).facts.secret).findLast(Boolean) : undefined
  const parts = kind === "value" || kind === "reference" ? [...inserted] : []
  if (kind === "value") parts.push(text, ...passwordsIn(text))
  if (kind === "reference" && TELLTALE.test(String(path.at(-1)))) parts.push(text)
  return parts.map((part) => part.trim()).filter((part) => part.length >= SHORTEST)
}

/** User and password of a URL such as `postgres://user:password@host/db`, as written and decoded. */
function passwordsIn(text: string): readonly string[] {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:([^/?#@]+)@/i.exec(text)?.[1]
  if (password === undefined) return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}
