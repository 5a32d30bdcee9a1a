/**
 * What of a provider's configuration must never leave the router: keys, secret values of headers and queries, URLs and
 * hosts. Words that errors use are none of them, wherever they stand.
 */
import type { ProviderConfig } from "../config.ts"

/** Finds what must not leave; flags `gi`. */
export type SecretPattern = RegExp

/** Below, a key is masked only where it stands as a word of its own. */
const SHORTEST_ANYWHERE = 8
const SHORTEST = 4
/** Values of headers and queries whose names do not say that they are secret. */
const SHORTEST_UNNAMED = 12
const TELLTALE = /auth|key|token|secret|cookie|password|credential|sig(?:nature)?\b/i
/** Words, versions and dates, such as `application/json`, `assistants=v2` and `2025-05-14`. */
const ORDINARY = /^[^a-z\d]*(?:[a-z]{1,20}|v?\d{1,4})(?:[^a-z\d]+(?:[a-z]{1,20}|v?\d{1,4}))*[^a-z\d]*$/i
const LETTERS = /^[a-z]+$/i
const NOTHING: SecretPattern = /(?!)/gi

type SecretSource = Pick<ProviderConfig, "base_url" | "api_key" | "proxy" | "headers" | "query"> & {
  readonly engine_metrics?: { readonly url?: string | undefined } | undefined
}

export function secretPattern(entry: SecretSource): SecretPattern {
  const patterns = [
    ...keysOf(entry).flatMap(keyPatterns),
    ...urlsOf(entry).flatMap(urlPatterns),
    ...hostPatterns(new URL(entry.base_url)),
  ]
  if (patterns.length === 0) return NOTHING
  // of two that begin at one place the longer one counts
  return new RegExp([...new Set(patterns)].toSorted((left, right) => right.length - left.length).join("|"), "gi")
}

function keysOf({ api_key: key, proxy, headers, query }: SecretSource): readonly string[] {
  const named = [...Object.entries(headers), ...Object.entries(query)]
  const values = named.filter(([name, value]) => TELLTALE.test(name) || isSecretLike(value)).map(([, value]) => value)
  return [...(key === undefined ? [] : [key]), ...values.flatMap(withoutScheme), ...passwordOf(proxy)]
}

function isSecretLike(value: string): boolean {
  return value.length >= SHORTEST_UNNAMED && !ORDINARY.test(value)
}

/** `Bearer abc` is `abc`, too. */
function withoutScheme(value: string): readonly string[] {
  const bare = /^\S+\s+(\S+)$/.exec(value)?.[1]
  return bare === undefined ? [value] : [value, bare]
}

function passwordOf(proxy: string | undefined): readonly string[] {
  if (proxy === undefined) return []
  const { password } = new URL(proxy)
  return password === "" ? [] : [decoded(password)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A short key of letters alone (`EMPTY`, `none`) is a placeholder for servers that take any. */
function keyPatterns(key: string): readonly string[] {
  if (key.length >= SHORTEST_ANYWHERE) return [RegExp.escape(key), ...base64Patterns(key)]
  return key.length < SHORTEST || LETTERS.test(key) ? [] : [`(?<!\\w)${RegExp.escape(key)}(?!\\w)`]
}

/** By how many bytes stand before the key: characters that those bytes or the ones behind it decide are left out. */
const FIRST_OWN_CHARACTER = [0, 2, 3]

/** The key inside of any longer text in base64, in both alphabets. https://www.rfc-editor.org/rfc/rfc4648#section-4 */
function base64Patterns(key: string): readonly string[] {
  const bytes = Buffer.from(key)
  return FIRST_OWN_CHARACTER.flatMap((from, before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes])
    const own = all.toString("base64").slice(from, Math.floor((all.length * 8) / 6))
    const urlSafe = own.replaceAll("+", "-").replaceAll("/", "_")
    return [own, urlSafe].map((text) => `${RegExp.escape(text)}[\\w+/-]?={0,2}`)
  })
}

function urlsOf({ base_url: base, proxy, engine_metrics: metrics }: SecretSource): readonly string[] {
  return [base, new URL(base).origin, proxy, metrics?.url].filter((url) => url !== undefined)
}

function urlPatterns(url: string): readonly string[] {
  return [`${RegExp.escape(url)}${/\w$/.test(url) ? "(?![\\w-])" : ""}`]
}

/** A host of one word (`vllm`, `model`, `localhost`) is also an ordinary word: it counts only inside of an address. */
function hostPatterns({ host, hostname }: URL): readonly string[] {
  const name = RegExp.escape(hostname)
  const isWord = LETTERS.test(hostname)
  const alone = isWord ? `(?<=//|@)${name}(?![\\w-])` : `(?<![\\w-])${name}(?![\\w-])`
  return host === hostname ? [alone] : [`(?<![\\w-])${RegExp.escape(host)}(?!\\d)`, alone]
}
