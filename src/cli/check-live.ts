/** What asking the providers themselves says of a configuration. */
import { compile } from "../config/compile/compile.ts"
import { formatPath, type Finding } from "../config/findings.ts"
import type { LoadResult } from "../config/load.ts"
import { REASONS, type Reason } from "../reasons.ts"
import { askProviders, type Asked, type Instead } from "../server/live-check.ts"
import { systemClock } from "../system/clock.ts"

export async function liveFindings({ config, lineOf, positionOf }: LoadResult): Promise<readonly Finding[]> {
  if (config === null) return []
  const asked = await askProviders(compile(config, { userAgent: "smart-router", lineOf }), systemClock)
  return asked.flatMap((one) => {
    const path = ["providers", one.provider]
    return told(one).map((said) => ({ ...said, code: "live", path: formatPath(path), ...positionOf(path) }) as const)
  })
}

type Told = Pick<Finding, "severity" | "message" | "nearest">

function told({ reason, missing, instead, isKeyTested, hasKey }: Asked): readonly Told[] {
  const absent = (missing ?? []).map(({ model, nearest }): Told => ({
    severity: "warning",
    message: `Model: it does not list ${JSON.stringify(model)}.`,
    ...(nearest === undefined ? {} : { nearest }),
  }))
  if (reason !== null) return [{ severity: "error", message: faultText(reason, instead, hasKey) }, ...absent]
  if (absent.length > 0) return absent
  const lists =
    missing === null
      ? "It lists no models, so the names of its models are not tested"
      : "It lists the models of its targets"
  const key = isKeyTested
    ? ""
    : ", and takes an empty request without asking for the key: whether the key is right is not tested"
  return [
    { severity: "info", message: `It answers${hasKey && isKeyTested ? " and takes the key" : ""}. ${lists}${key}.` },
  ]
}

function faultText(reason: Reason, instead: Instead | null, hasKey: boolean): string {
  const step = instead?.is === "dialect" ? "Dialect" : (STEPS[reason] ?? "Answer")
  const noKey = reason === "key-refused" && !hasKey ? " The provider has no api_key." : ""
  return `${step}: it cannot be used (${reason}): ${REASONS[reason]}.${noKey}${instead === null ? adviceOn(reason) : insteadText(instead)}`
}

/** The part of the way that is wrong. */
const STEPS: Readonly<Partial<Record<Reason, string>>> = {
  dns: "DNS",
  refused: "TCP",
  unreachable: "TCP",
  "connect-timeout": "TCP",
  reset: "TCP",
  "proxy-refused": "Proxy",
  "tls-untrusted": "TLS",
  "tls-hostname": "TLS",
  "tls-expired": "TLS",
  "tls-not-yet-valid": "TLS",
  "tls-client-cert": "TLS",
  "tls-failed": "TLS",
  "not-tls": "TLS",
  "tls-expected": "TLS",
  "not-http": "HTTP",
  closed: "HTTP",
  "key-refused": "Key",
  "access-denied": "Key",
  "quota-exhausted": "Key",
  "model-unknown": "Model",
  "path-not-found": "Address",
  redirect: "Address",
  "rate-limited": "Status",
  overloaded: "Status",
  "upstream-error": "Status",
  "upstream-timeout": "Status",
  "first-byte-timeout": "Status",
}

function adviceOn(reason: Reason): string {
  if (reason === "not-tls") return " Write base_url with http://."
  if (reason === "tls-expected") return " Write base_url with https://."
  return ""
}

function insteadText(instead: Instead): string {
  if (instead.is === "root") return ` With ${instead.root} it answers: write ${instead.root} at the end of base_url.`
  if (instead.is === "less") return ` Without it it answers: leave out ${instead.end} at the end of base_url.`
  if (instead.is === "redirect") return ` It leads to ${instead.to}.`
  return ` It speaks another dialect there: write dialect: ${instead.dialect}.`
}
