/** May a call be answered from the response cache, and may its answer be kept? Told by its shape, without decoding it. */
import type { GroupCache } from "../../config/compile/cache-rule.ts"
import { BodyMembers } from "../../dialects/body-members.ts"
import { Caching, type BypassReason } from "../call/caching.ts"
import type { CallRequest } from "../call/request.ts"

export function considerCaching(request: CallRequest, rule: GroupCache): Caching {
  const reasons = bypassReasons(request, rule)
  return new Caching(rule, reasons)
}

const NONE: readonly BypassReason[] = []

/** All that stands against an answer from the cache. */
function bypassReasons(request: CallRequest, rule: GroupCache): readonly BypassReason[] {
  const found = REASONS.filter((reason) => TESTS[reason](request, rule))
  return found.length === 0 ? NONE : found
}

/** In the order in which they are told. */
const TESTS: Readonly<Record<BypassReason, (request: CallRequest, rule: GroupCache) => boolean>> = {
  "cache-request-no-cache": ({ headers }) => says(headers.get("cache-control"), NO_CACHE),
  "cache-request-no-store": ({ headers }) => says(headers.get("cache-control"), NO_STORE),
  "cache-tool-request": ({ shape }) => shape.toolCount > 0 || shape.hostedToolCount > 0 || shape.hasToolHistory,
  "cache-image-request": ({ shape }) =>
    shape.imageCount > 0 || shape.encodedBytes > 0 || shape.mediaAddresses === null || shape.mediaAddresses.length > 0,
  "cache-structured-output": ({ shape }) => shape.structuredOutput,
  // an answer that is one of several cannot be told again in pieces
  "cache-streaming": ({ facts }, { streams }) => facts.stream && (!streams || facts.choices > 1),
  "cache-temperature": ({ body }) => new BodyMembers(body).only("temperature") !== 0,
  "cache-stateful-request": (request) => isStateful(request),
  // only a decoded body tells
  "cache-request-shape": () => false,
}

const REASONS = Object.keys(TESTS) as readonly BypassReason[]

/** https://www.rfc-editor.org/rfc/rfc9111#name-no-cache-2 */
const NO_CACHE = /(?:^|[,\s])(?:no-cache|max-age\s*=\s*"?0+"?)(?:$|[,;\s])/i
/** https://www.rfc-editor.org/rfc/rfc9111#name-no-store-2 */
const NO_STORE = /(?:^|[,\s])no-store(?:$|[,;\s])/i

function says(header: string | null, directive: RegExp): boolean {
  return header !== null && directive.test(header)
}

/** Its answer depends on what a provider keeps, or is to be kept there: another one could not be gone on from. */
function isStateful(request: CallRequest): boolean {
  const { shape, body, dialect } = request
  const { storeMember } = dialect.wire
  if (request.holdsState || request.compacts || request.runsInBackground) return true
  if (shape.pointsElsewhere || shape.hasSeals) return true
  return storeMember !== null && new BodyMembers(body).value(storeMember) === true
}
