/** Content capture: it is whole, or the configuration is refused. Nobody may believe that content is sealed, or stored, that is not. */
import { captureRule, keyBytes, storesNothing } from "../compile/capture-rule.ts"
import type { CallerConfig, Config, ContentCapture, OwnContentCapture } from "../config.ts"
import { quoted, type Report } from "../findings.ts"
import type { OpenedSources } from "../read/sources.ts"
import type { Path } from "../schema/inspect.ts"

const VARIABLE = "CONTENT_CAPTURE_LOCAL_KEY"
const HERE: Path = ["server", "content_capture"]
const KEY = "32 bytes in base64 or as 64 hexadecimal digits, such as `openssl rand -base64 32` makes"

/** The key stands in the file, or in a variable of its own name. */
export function withCaptureKey(
  config: Config,
  sources: Pick<OpenedSources, "variable">,
): { readonly config: Config; readonly secrets: readonly string[] } {
  const capture = config.server.content_capture
  const secret = capture?.encryption.local_key === undefined ? sources.variable(VARIABLE) : undefined
  if (capture === undefined || secret === undefined || secret === "") return { config, secrets: [] }
  const encryption = { ...capture.encryption, local_key: secret }
  const server = { ...config.server, content_capture: { ...capture, encryption } }
  return { config: { ...config, server }, secrets: [secret] }
}

export function checkCapture(config: Config, report: Report): void {
  const { content_capture: server } = config.server
  if (server !== undefined) checkKeys(server, wantsCapture(config), report)
  if (server?.enabled === true) checkParts(server, null, null, [...HERE, "enabled"], report)
  for (const [name, { content_capture: own }] of Object.entries(config.models)) {
    checkOwn(own, config, (block) => [block, null], ["models", name], report)
  }
  for (const [index, caller] of config.callers.entries()) checkCallerCapture(caller, config, ["callers", index], report)
}

/** `path`: of the caller. */
export function checkCallerCapture(
  { content_capture: own }: CallerConfig,
  config: Pick<Config, "server">,
  path: Path,
  report: Report,
): void {
  checkOwn(own, config, (block) => [null, block], path, report)
}

function wantsCapture({ server, models, callers }: Config): boolean {
  const blocks = [server, ...Object.values(models), ...callers].map(({ content_capture: block }) => block)
  return blocks.some((block) => block?.enabled === true)
}

type Placed = (own: OwnContentCapture) => readonly [group: OwnContentCapture | null, caller: OwnContentCapture | null]

function checkOwn(
  own: OwnContentCapture | undefined,
  { server: { content_capture: server } }: Pick<Config, "server">,
  placed: Placed,
  above: Path,
  report: Report,
): void {
  if (own?.enabled !== true) return
  const path = [...above, "content_capture", "enabled"]
  if (server === undefined || keyBytes(server.encryption.local_key ?? "") === null || !server.encryption.enabled) {
    const message = "Content is stored encrypted only, and server.content_capture.encryption gives no usable key."
    report({ code: "invalid-value", path, message, expected: `server.content_capture with a local_key: ${KEY}` })
    return
  }
  checkParts(server, ...placed(own), path, report)
}

function checkParts(
  server: ContentCapture,
  group: OwnContentCapture | null,
  caller: OwnContentCapture | null,
  path: Path,
  report: Report,
): void {
  const rule = captureRule(server, group, caller)
  if (rule === null || !storesNothing(rule)) return
  const message = "Nothing is named that is to be stored."
  const expected =
    "capture_request, capture_response, capture_upstream_errors or capture_headers_allowlist beside `enabled: true`"
  report({ code: "no-effect", path, message, expected })
}

function checkKeys({ encryption }: ContentCapture, isWanted: boolean, report: Report): void {
  const path = [...HERE, "encryption"]
  const { enabled, local_key_id: id, local_key: text, previous_keys: previous } = encryption
  if (!enabled && isWanted) {
    const message = "Content is stored encrypted only."
    report({ code: "invalid-value", path: [...path, "enabled"], message, expected: "true" })
  }
  if (text === undefined) {
    const message = "Content is to be stored, and there is no key to encrypt it with."
    if (isWanted)
      report({
        code: "missing-key",
        path: HERE,
        atKey: true,
        message,
        expected: `encryption.local_key, or ${VARIABLE}: ${KEY}`,
      })
  } else if (keyBytes(text) === null) {
    report({ code: "invalid-value", path: [...path, "local_key"], message: "This is no key.", expected: KEY })
  }
  const ids = new Set([id])
  for (const [index, old] of previous.entries()) {
    const at = [...path, "previous_keys", index]
    if (keyBytes(old.local_key) === null)
      report({ code: "invalid-value", path: [...at, "local_key"], message: "This is no key.", expected: KEY })
    if (ids.has(old.local_key_id)) {
      const message = `There is already a key ${quoted(old.local_key_id)}.`
      report({ code: "duplicate-id", path: [...at, "local_key_id"], message })
    }
    ids.add(old.local_key_id)
  }
}
