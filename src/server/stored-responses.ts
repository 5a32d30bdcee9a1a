/**
 * `/v1/responses/{id}` and what hangs below it: read, resumed, cancelled and deleted at the target that holds the response,
 * by callers of the project that it was returned to. Nothing is spent by that, so it leaves no row; but whoever sees the end
 * of a response in the background first has its usage booked (`background.ts`).
 */
import type { Target } from "../config/snapshot.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { NO_FAULT, NO_REQUEST_FACTS } from "../dialects/dialect.ts"
import { RouterError } from "../errors.ts"
import type { StoredPlace } from "../ledger/stored-state.ts"
import { beginAttempt } from "../pipeline/attempt.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import { Call, type Attempt } from "../pipeline/call.ts"
import { endDrain, readOn } from "../pipeline/drain.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { hashOf, targetAt } from "../pipeline/held-state.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { requestId } from "../pipeline/request-id.ts"
import { renamed, renamedRefusal } from "../pipeline/shown-model.ts"
import { UpstreamStream } from "../pipeline/upstream-stream.ts"
import { opened } from "../pipeline/unstreamed.ts"
import { wordsType } from "../pipeline/vendor-words.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { classifyStatus } from "../upstream/failure.ts"
import { copyResponseHeaders, forwardedHeaders } from "../upstream/headers.ts"
import { masked } from "../upstream/mask.ts"
import { resumedStream } from "./resumed-stream.ts"

const RESPONSES = DIALECTS["openai-responses"]

/** What hangs below a response, and how it is asked for. */
const METHODS: ReadonlyMap<string, readonly string[]> = new Map([
  ["", ["GET", "DELETE"]],
  ["/cancel", ["POST"]],
  ["/input_items", ["GET"]],
])
/** What the vendor reads; nothing else of a query goes upstream. */
const QUERY: ReadonlySet<string> = new Set([
  "stream",
  "starting_after",
  "include_obfuscation",
  "include",
  "include[]",
  "after",
  "before",
  "limit",
  "order",
])

export interface StoredResponsePath {
  readonly id: string
  /** `""`, `/cancel` or `/input_items`. */
  readonly below: string
  readonly methods: readonly string[]
}

/** Null where the path is none of these. */
export function storedResponsePath(path: string): StoredResponsePath | null {
  const found = /^(?:\/v1)?\/responses\/([\w-][\w.-]{0,255})(\/\w+)?$/.exec(path)
  const [, id, below = ""] = found ?? []
  const methods = METHODS.get(below)
  return id === undefined || methods === undefined ? null : { id, below, methods }
}

/** @throws RouterError `not-found` for what was not returned to the caller's project, `method-not-allowed`, and as for a call */
export async function storedResponse(request: Incoming, path: StoredResponsePath, gateway: Gateway): Promise<Outgoing> {
  if (gateway.draining) throw new RouterError("shutting-down")
  const call = callFor(request, gateway)
  const { place, target } = await whereabouts(call, path, gateway)
  if (!path.methods.includes(request.method))
    throw new RouterError("method-not-allowed", { headers: { allow: path.methods.join(", ") } })
  const tried = beginAttempt(call, target, null, gateway)
  gateway.active++
  gateway.watchdog.watch(call)
  call.deadline = call.startedAt + target.patience.wholeMs
  let isStream = false
  const isPending = place.usage_pending === 1
  try {
    // once it is deleted nobody tells
    if (isPending && request.method === "DELETE") await gateway.background.ask(place.request_id)
    const received = await sent(tried, call, path, gateway)
    const mayStream = received.status === 200 && call.facts.stream
    const read = mayStream ? await opened(received) : { answer: received, isStream: false }
    const { answer } = read
    isStream = read.isStream
    const asked: Asked = { call, path, place, gateway }
    return isStream ? streamed(answer, tried, asked) : await whole(answer, tried, asked)
  } finally {
    if (!isStream) release(call, gateway)
  }
}

interface Asked {
  readonly call: Call
  readonly path: StoredResponsePath
  readonly place: StoredPlace
  readonly gateway: Gateway
}

function callFor(request: Incoming, gateway: Gateway): Call {
  const ts = gateway.clock.now()
  const call = new Call({
    id: requestId(ts, gateway.random),
    dialect: RESPONSES,
    request,
    snapshot: gateway.snapshot,
    ts,
    startedAt: gateway.clock.monotonicMs(),
    address: null,
  })
  call.credential = authenticate(request.headers, call.snapshot, ts)
  const stream = request.method === "GET" && queryOf(request).get("stream") === "true"
  call.facts = { ...NO_REQUEST_FACTS, stream }
  return call
}

function queryOf(request: Incoming): URLSearchParams {
  const given = new URL(request.target, "http://localhost").searchParams
  return new URLSearchParams([...given].filter(([name]) => QUERY.has(name)))
}

async function whereabouts(
  call: Call,
  { id }: StoredResponsePath,
  gateway: Gateway,
): Promise<{ readonly place: StoredPlace; readonly target: Target }> {
  const hash = hashOf(call, { kind: "response", id })
  const found = await gateway.storedStates.find([hash]).catch((cause: unknown) => {
    throw new RouterError("usage-store-unavailable", { cause })
  })
  const place = found.get(hash)
  const group = place === undefined ? undefined : call.snapshot.groups.get(place.resolved_group)
  const target = place === undefined || group === undefined ? null : targetAt(group, place)
  if (
    place === undefined ||
    group === undefined ||
    target === null ||
    call.credential?.caller.allowed.has(group.name) !== true
  )
    throw new RouterError("not-found", {
      message: "There is no such response: it was not returned to this project, has expired, or its target is gone.",
    })
  call.group = group
  call.facts = { ...call.facts, model: group.name }
  return { place, target }
}

async function sent(
  tried: Attempt,
  call: Call,
  { id, below }: StoredResponsePath,
  gateway: Gateway,
): Promise<UpstreamAnswer> {
  const url = new URL(tried.target.url)
  url.pathname += `/${id}${below}`
  for (const [name, value] of queryOf(call.request)) url.searchParams.append(name, value)
  const request = gateway.upstream.send({
    method: call.request.method,
    target: { ...tried.target, url: url.href },
    beta: false,
    headers: forwardedHeaders(call.request.headers, RESPONSES.name, tried.target, call.callerId),
    body: [],
  })
  tried.cancel = request.cancel
  call.onDeadline = request.cancel
  call.request.onGone = request.cancel
  try {
    const answer = await request.answer
    tried.status = answer.status
    return answer
  } catch (cause) {
    throw new RouterError("upstream-failed", { cause })
  }
}

async function whole(answer: UpstreamAnswer, tried: Attempt, asked: Asked): Promise<Outgoing> {
  const { call, path, place, gateway } = asked
  const bytes = await Promise.resolve(readWhole(answer, call.snapshot.limits.maxResponseBytes)).catch(
    (cause: unknown) => {
      tried.cancel()
      throw new RouterError("upstream-failed", { cause })
    },
  )
  if (answer.status < 200 || answer.status > 299) return refused(answer.status, bytes, asked, tried.target)
  const isPending = place.usage_pending === 1
  if (call.request.method === "DELETE") {
    if (isPending) await gateway.background.gone(place.request_id)
    // what is not deleted here expires
    await gateway.storedStates.forget(hashOf(call, { kind: "response", id: path.id })).catch(() => {})
  } else if (isPending && path.below !== "/input_items") await gateway.background.heard(place.request_id, bytes)
  const headers: Record<string, string> = { "content-type": "application/json" }
  copyResponseHeaders(answer.headers, tried.target.provider.secrets, headers)
  return { status: answer.status, headers, body: await renamed(bytes, call, gateway) }
}

function refused(status: number, bytes: Uint8Array, { call }: Asked, target: Target): Outgoing {
  if (status === 404) throw new RouterError("not-found", { message: "The provider no longer has this response." })
  const fault = RESPONSES.readFault(bytes)
  const failure = classifyStatus(status, fault ?? NO_FAULT, target.model)
  if (!failure.relay || failure.failover || fault === null) throw new RouterError(failure.code)
  const headers = { "content-type": wordsType(bytes), "x-should-retry": "false" }
  return { status, headers, body: renamedRefusal(masked(bytes, target.provider.secrets), call) }
}

function streamed(answer: UpstreamAnswer, tried: Attempt, { call, place, gateway }: Asked): Outgoing {
  const stream = new UpstreamStream(answer, tried, call, gateway)
  const ended = async (): Promise<void> => {
    const facts = stream.observer.facts()
    if (place.usage_pending === 1 && facts.usage !== null) await gateway.background.heard(place.request_id, facts)
  }
  call.request.onGone = () => {
    if (place.usage_pending === 1 && readOn(call, gateway, tried.cancel)) return
    tried.cancel()
    release(call, gateway)
  }
  return resumedStream(stream, answer, call, ended, () => release(call, gateway))
}

/** May be called again. */
function release(call: Call, gateway: Gateway): void {
  if (call.settled) return
  call.settled = true
  endDrain(call, gateway)
  gateway.active--
  gateway.watchdog.forget(call)
}
