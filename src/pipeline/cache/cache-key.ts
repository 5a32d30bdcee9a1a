/** Under which key an answer is kept: what is asked, of which target, by whom. */
import type { Target } from "../../config/snapshot.ts"
import { WIRES } from "../../dialects/wires.ts"
import { asksForBeta, forwardedHeaders } from "../../upstream/headers.ts"
import { bodyHashOf, cacheContent, contentOf, type Question } from "../apart/cache-content.ts"
import { isLargeBody } from "../apart/large.ts"
import type { AdmittedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"

type Keying = Pick<Gateway, "apart" | "cache">

/** What a call asks; null: no key can hold it. Small bodies of the same bytes are read once. */
export function questionOf(call: AdmittedCall, gateway: Keying): Question | null | Promise<Question | null> {
  const { body } = call.request
  const dialect = call.dialect.name
  if (isLargeBody(body)) {
    const order = { dialect, values: body.values }
    return gateway.apart.run("question", call.credential.caller.id, [body.bytes], order).catch(() => null)
  }
  const bodyHash = bodyHashOf(body.bytes, dialect)
  const known = gateway.cache.knownContent(bodyHash)
  const content = known ?? readContent(call)
  if (content === null) return null
  if (known === null) gateway.cache.learnContent(bodyHash, content)
  return { bodyHash, content }
}

/** A call that changes dialect is decoded anyway. */
export function readContent({ request, dialect, group }: AdmittedCall): string | null {
  const { bytes, values } = request.body
  if (group.targets.some((target) => target.dialect === dialect.name)) return cacheContent(bytes, values, dialect.name)
  try {
    return contentOf(request.decode(), values, dialect.name)
  } catch {
    return null
  }
}

/** Other versions of the router make other keys where they read or keep something else. */
const VERSION = 1

/** `content`: by `questionOf`. `isForAll`: callers share it. */
export function keyOf(content: string, target: Target, call: AdmittedCall, isForAll: boolean): string {
  const { id, user, project, environment } = call.credential.caller
  const scope = isForAll ? null : [id, user, project, environment]
  const parts = [
    VERSION,
    scope,
    call.group.name,
    target.cacheKey,
    capWord(target, call),
    headersOf(target, call),
    content,
  ]
  return Bun.SHA256.hash(JSON.stringify(parts), "base64url")
}

/** The fields in which the target reads the output cap: servers know one of them, or the other. */
function capWord(target: Target, { request, dialect }: AdmittedCall): string {
  const cap = request.facts.outputCap
  if (cap === null || !WIRES[target.dialect].capVaries) return ""
  return target.dialect === dialect.name ? cap.fields.join() : target.facts.outputTokenField
}

/** What of the client's head goes to the target, and may change what it answers. */
function headersOf(target: Target, call: AdmittedCall): readonly unknown[] {
  const { dialect, request, incoming, credential } = call
  const { "idempotency-key": _, ...told } = forwardedHeaders(
    request.headers,
    dialect.name,
    target,
    credential.caller.id,
  )
  const isBeta = target.dialect === dialect.name && dialect.wire.betaHeader !== null && asksForBeta(incoming.target)
  return [isBeta, ...Object.entries(told).toSorted(([one], [other]) => (one < other ? -1 : 1))]
}
