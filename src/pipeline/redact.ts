/** Between the steps 3 and 4, in groups with a filter for personal data: from here on, each step sees the request without it. */
import { RouterError } from "../errors.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import type { PiiFilter } from "../pii/filter.ts"
import { HeavyWork, redactRequest, type Redaction, type RefusalReason } from "../pii/redact.ts"
import { isLargeBody } from "./apart/large.ts"
import type { AdmittedCall } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { rescan } from "./intake/sliced-scan.ts"

type Means = Pick<Gateway, "apart" | "log" | "loop">

/** At once where the body is small. @throws RouterError `pii-filter-blocked`, `pii-filter-sealed`, `pii-filter-failed` */
export function redact(call: AdmittedCall, gateway: Means): void | Promise<void> {
  const filter = call.group.piiFilter
  if (filter === null) return
  call.notes.redaction = { filter, counts: [], replacements: 0 }
  try {
    const redaction = redactionOf(call, filter, gateway)
    if (!(redaction instanceof Promise)) return take(redaction, call, filter, gateway)
    return redaction
      .then((made) => take(made, call, filter, gateway))
      .catch((error: unknown) => {
        throw asFailure(error, call, gateway)
      })
  } catch (error) {
    throw asFailure(error, call, gateway)
  }
}

/** Characters of a text that one detector reads within some 8 ms, whatever they are. */
const LONGEST_TEXT = 1 << 16
/** Work that is done before others have their turn, as `Matcher` counts it: less than 10 ms. */
const TURN_COST = 1 << 17

function redactionOf(call: AdmittedCall, filter: PiiFilter, gateway: Means): Redaction | Promise<Redaction> {
  const { request, credential } = call
  const order = { dialect: request.dialect.name, filter, key: keyFor(call) }
  const apart = (): Promise<Redaction> => gateway.apart.run("redact", credential.caller.id, [request.body.bytes], order)
  if (isLargeBody(request.body)) return apart()
  const options = { key: order.key, longestText: LONGEST_TEXT }
  const work = redactRequest(request.body, order.dialect, filter, options)
  try {
    return workFor(TURN_COST, work) ?? inTurns(work, gateway).catch((error: unknown) => ifHeavy(error, apart))
  } catch (error) {
    return ifHeavy(error, apart)
  }
}

/** @throws the error, where it is another one */
function ifHeavy<Result>(error: unknown, other: () => Result): Result {
  if (error instanceof HeavyWork) return other()
  throw error
}

/** Null: there is more to do. */
function workFor<Result>(cost: number, work: Generator<number, Result>): Result | null {
  for (let spent = 0; spent < cost;) {
    const step = work.next()
    if (step.done === true) return step.value
    spent += step.value
  }
  return null
}

async function inTurns<Result>(work: Generator<number, Result>, { loop }: Means): Promise<Result> {
  for (;;) {
    await loop.turn()
    const result = workFor(TURN_COST, work)
    if (result !== null) return result
  }
}

/** The same for all callers of a project, who may go on with one another's conversations. */
function keyFor({ snapshot, credential }: AdmittedCall): string {
  return snapshot.pseudonymOf(JSON.stringify(["personal data", credential.caller.project])) ?? credential.pseudonymKey
}

function take(
  { bytes, values, counts, replacements, refusal }: Redaction,
  { id, request, notes }: AdmittedCall,
  filter: PiiFilter,
  gateway: Means,
): void | Promise<void> {
  notes.redaction = { filter, counts, replacements }
  if (refusal !== null) throw refused(refusal, filter, counts)
  if (bytes === null) return request.learnRedacted()
  if (filter.restores) request.restoreWith(values)
  const rewrite = (body: ScannedObject): void => {
    request.rewrite(body)
    request.learnRedacted()
  }
  if (!isLargeBody({ ...request.body, bytes })) return rewrite(scanObject(bytes, Infinity))
  return rescan(bytes, id, gateway).then(rewrite)
}

/** Says what was found, and never the words. */
function refused(reason: RefusalReason, { rules, maxReplacements }: PiiFilter, counts: readonly number[]): RouterError {
  const detectors = Object.fromEntries(
    rules.flatMap(({ name }, place) => ((counts[place] ?? 0) > 0 ? [[name, counts[place]]] : [])),
  )
  if (reason === "sealed") return new RouterError("pii-filter-sealed", { details: { detectors } })
  const tooMany = `The request holds personal data in more than the ${maxReplacements} places that this model group replaces.`
  return new RouterError("pii-filter-blocked", {
    message: reason === "too-many" ? tooMany : undefined,
    details: { detectors },
  })
}

/** What went wrong may quote the request: it is neither kept nor logged. */
function asFailure(error: unknown, { id }: AdmittedCall, { log }: Means): RouterError {
  if (error instanceof RouterError) return error
  log.error("the filter for personal data failed", { request_id: id, error: error instanceof Error ? error.name : "" })
  return new RouterError("pii-filter-failed")
}
