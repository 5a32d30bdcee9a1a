/** The console's own files below its path: one page for all of its addresses, script and style. */
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import type { BuiltConsole, BuiltFile } from "./build.ts"
import { EMBEDDED } from "./embedded.ts"
import { shell, type ShellParts } from "./shell.ts"

/** Nothing of another origin is loaded, framed or sent, and no text becomes script. */
export const CONSOLE_POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ")

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONSOLE_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
}

const FOREVER = "public, max-age=31536000, immutable"

let built: Promise<BuiltConsole> | null = null

/** From the binary, or built once in a checkout; a failed build is tried again with the next request. */
function consoleFiles(): Promise<BuiltConsole> {
  built ??= (EMBEDDED === null ? buildInCheckout() : EMBEDDED()).catch((error: unknown) => {
    built = null
    throw error
  })
  return built
}

async function buildInCheckout(): Promise<BuiltConsole> {
  const { buildConsole } = await import("./build.ts")
  return buildConsole()
}

/** Has the files ready before somebody asks for them; a build that fails is tried again with the first request. */
export async function prepareConsole(): Promise<void> {
  await consoleFiles().catch(() => {})
}

export type ConsolePlace = Pick<ShellParts, "base" | "longestRangeMs">

/** What lies at a path of the console; null: nothing. `api` below its path is not the console's. */
export async function consoleAsset(
  request: Pick<Incoming, "path" | "headers">,
  { base, longestRangeMs }: ConsolePlace,
): Promise<Outgoing | null> {
  const below = request.path.slice(base.length)
  if (below === "/api" || below.startsWith("/api/")) return null
  const files = await consoleFiles()
  if (!below.startsWith("/assets/")) return page({ base, longestRangeMs }, files)
  const file = [files.script, files.style].find(({ name }) => below === `/assets/${name}`)
  return file === undefined ? null : fileAnswer(request, file)
}

function page(place: ConsolePlace, { script, style }: BuiltConsole): Outgoing {
  const headers = { ...HEADERS, "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" }
  return { status: 200, headers, body: shell({ ...place, script: script.name, style: style.name }) }
}

function fileAnswer({ headers: asked }: Pick<Incoming, "headers">, file: BuiltFile): Outgoing {
  const headers = { ...HEADERS, "content-type": file.contentType, "cache-control": FOREVER, vary: "accept-encoding" }
  const accepted = acceptedEncodings(asked.get("accept-encoding") ?? "")
  if (accepted.has("br")) return { status: 200, headers: { ...headers, "content-encoding": "br" }, body: file.brotli }
  if (accepted.has("gzip")) return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: file.gzip }
  return { status: 200, headers, body: file.plain }
}

/** The encodings of an `Accept-Encoding` that a client takes: `q=0` says that it does not. */
export function acceptedEncodings(field: string): ReadonlySet<string> {
  const all = field
    .toLowerCase()
    .split(",")
    .map((part) => part.trim().split(/\s*;\s*/))
  return new Set(all.flatMap(([name = "", quality = ""]) => (/^q=0(?:\.0*)?$/.test(quality) ? [] : [name])))
}
