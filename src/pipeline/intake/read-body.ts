/** Reads the body of a request within its limits. */
import { RouterError } from "../../errors.ts"
import type { Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { BadFraming, BodyTooLarge } from "../message.ts"

/** How long a client may take to send its body. */
const BODY_DEADLINE_MS = 120_000
/** How long it may send less than the least rate: a lost packet or two are no fault. */
const SLOW_MS = 15_000

/**
 * At once when everything is here.
 * @throws RouterError `body-too-large`, `body-memory-exceeded`, `overloaded`, `client-closed`, `invalid-request` (400, 408)
 */
export function readBody(call: Call, gateway: Gateway): Uint8Array | Promise<Uint8Array> {
  const { maxBodyBytes } = call.snapshot.limits
  const callerId = call.credential?.caller.id ?? null
  const body = call.incoming.body(maxBodyBytes, (bytes) =>
    gateway.intake.hold(call.life, callerId, call.snapshot.limits, bytes),
  )
  if (body instanceof Uint8Array) return body
  return new Promise((resolve, reject) => {
    watchRate(call, gateway, () => reject(tooSlow()))
    body.then(resolve, (cause: unknown) => reject(asRouterFault(cause, maxBodyBytes)))
  })
}

function watchRate(call: Call, gateway: Gateway, refuse: () => void): void {
  const endsAt = gateway.clock.monotonicMs() + BODY_DEADLINE_MS
  const leastBytes = (call.snapshot.limits.minBytesPerSecond * SLOW_MS) / 1000
  const { life, incoming } = call
  let before = incoming.receivedBytes
  life.deadline = endsAt - BODY_DEADLINE_MS + SLOW_MS
  life.onDeadline = () => {
    const { receivedBytes } = incoming
    const now = gateway.clock.monotonicMs()
    if (life.stopped !== null || now >= endsAt || receivedBytes - before < leastBytes) return refuse()
    before = receivedBytes
    life.deadline = Math.min(endsAt, now + SLOW_MS)
  }
}

function tooSlow(): RouterError {
  return new RouterError("invalid-request", {
    message: "The body did not arrive in time.",
    status: 408,
    retryable: true,
  })
}

function asRouterFault(cause: unknown, maxBodyBytes: number): RouterError {
  if (cause instanceof RouterError) return cause
  if (cause instanceof BodyTooLarge)
    return new RouterError("body-too-large", { details: { max_body_bytes: maxBodyBytes } })
  if (cause instanceof BadFraming) return new RouterError("invalid-request", { message: cause.message })
  return new RouterError("client-closed", { cause })
}
