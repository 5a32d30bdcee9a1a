/**
 * How an answer could be verified, as the caller says it in `metadata`: checked, passed on to a policy service, and run by
 * nobody here. Kinds that would have to be executed do not exist.
 */
import { isObject, parseExact } from "../../canonical/json.ts"
import type { VerifierHintRule } from "../../config/compile/policy-settings.ts"
import type { CallFacts } from "../strategy.ts"

export interface VerifierHint {
  readonly kind: "none" | "exact" | "regex" | "json_schema"
  readonly spec?: string
  readonly version?: string
}

/** At most one of the two is there. */
export interface HintedBy {
  readonly verifierHint?: VerifierHint
  /** What is wrong with it. */
  readonly verifierHintRejected?: "kind" | "spec" | "version"
}

const KIND = "verifier_kind"
const SPEC = "verifier_spec"
const VERSION = "verifier_version"
const VERSION_FORM = /^[A-Za-z0-9._:-]+$/
const NOTHING: HintedBy = {}

export function verifierHint(call: CallFacts, rule: VerifierHintRule): HintedBy {
  const said = metadataOf(call)
  if (said === null) return NOTHING
  const { [KIND]: kind, [SPEC]: spec, [VERSION]: version } = said
  if (kind === undefined && spec === undefined && version === undefined) return NOTHING
  const known = rule.kinds.find((one) => one === kind)
  if (known === undefined) return { verifierHintRejected: "kind" }
  if (!isSpec(known, spec, rule.maxSpecBytes)) return { verifierHintRejected: "spec" }
  if (!isVersion(version, rule.maxVersionChars)) return { verifierHintRejected: "version" }
  return {
    verifierHint: {
      kind: known,
      ...(typeof spec === "string" ? { spec } : {}),
      ...(typeof version === "string" ? { version } : {}),
    },
  }
}

type Said = Readonly<Record<string, unknown>>

function metadataOf({ body }: CallFacts): Said | null {
  const member = body?.members.find(({ key }) => key === "metadata")
  if (body === null || member === undefined) return null
  const metadata = parseExact(Buffer.from(body.bytes.subarray(member.start, member.end)).toString())
  return isObject(metadata) ? metadata : null
}

function isSpec(kind: VerifierHint["kind"], spec: unknown, maxBytes: number): boolean {
  if (kind === "none") return spec === undefined
  if (typeof spec !== "string" || Buffer.byteLength(spec) > maxBytes) return false
  if (kind === "regex") return isExpression(spec)
  return kind === "exact" || isSchema(spec)
}

function isVersion(version: unknown, maxChars: number): boolean {
  if (version === undefined) return true
  return typeof version === "string" && version.length <= maxChars && VERSION_FORM.test(version)
}

/** Compiled and never run: a hint cannot make the router search for long. */
function isExpression(spec: string): boolean {
  try {
    return new RegExp(spec) instanceof RegExp
  } catch {
    return false
  }
}

function isSchema(spec: string): boolean {
  try {
    return isObject(parseExact(spec))
  } catch {
    return false
  }
}
