import { expect, test } from "bun:test"
import { HttpFault } from "../http/fault.ts"
import type { Reason } from "../reasons.ts"
import { NO_FAULT } from "../dialects/dialect.ts"
import { networkReason, proxyReason, reasonText, safeWords, sayable, SpeaksTls } from "./reason.ts"

function failed(code: string, message = "failed", syscall?: string): Error {
  return Object.assign(new Error(message), { code, ...(syscall === undefined ? {} : { syscall }) })
}

/** The runtime's codes and words for TLS. */
const TLS = (words: string): Error => failed("EPROTO", `error:1000045c:SSL routines:OPENSSL_internal:${words}`)

const CASES: readonly (readonly [cause: unknown, reason: Reason])[] = [
  [failed("ENOTFOUND"), "dns"],
  [failed("EAI_AGAIN"), "dns"],
  [failed("ECONNREFUSED"), "refused"],
  [failed("EHOSTUNREACH"), "unreachable"],
  [failed("ENETUNREACH"), "unreachable"],
  [failed("ETIMEDOUT", "timed out", "connect"), "connect-timeout"],
  [failed("ETIMEDOUT", "timed out", "read"), "reset"],
  [failed("ECONNRESET"), "reset"],
  [failed("EPIPE"), "reset"],
  [failed("DEPTH_ZERO_SELF_SIGNED_CERT"), "tls-untrusted"],
  [failed("SELF_SIGNED_CERT_IN_CHAIN"), "tls-untrusted"],
  [failed("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "tls-untrusted"],
  [failed("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "tls-untrusted"],
  [failed("ERR_TLS_CERT_ALTNAME_INVALID"), "tls-hostname"],
  [failed("CERT_HAS_EXPIRED"), "tls-expired"],
  [failed("CERT_NOT_YET_VALID"), "tls-not-yet-valid"],
  [TLS("TLSV1_ALERT_CERTIFICATE_REQUIRED"), "tls-client-cert"],
  [TLS("SSLV3_ALERT_BAD_CERTIFICATE"), "tls-client-cert"],
  [TLS("TLSV1_ALERT_UNKNOWN_CA"), "tls-client-cert"],
  [TLS("WRONG_VERSION_NUMBER"), "not-tls"],
  [TLS("HTTP_REQUEST"), "not-tls"],
  [TLS("SSLV3_ALERT_HANDSHAKE_FAILURE"), "tls-failed"],
  [new SpeaksTls(), "tls-expected"],
  [new HttpFault("The connection ended inside the answer."), "closed"],
  [new HttpFault("The status line is malformed."), "not-http"],
  [new Error("fetch failed", { cause: failed("ECONNREFUSED") }), "refused"],
  [null, "closed"],
  ["cancelled", "closed"],
]

test("what a connection, its TLS and the reading of it say has one word each", () => {
  expect(CASES.map(([cause]) => networkReason(cause))).toEqual(CASES.map(([, reason]) => reason))
})

test("behind an egress proxy it is the proxy that refuses, and the upstream whose certificate is judged", () => {
  expect(proxyReason(failed("ECONNREFUSED"))).toBe("proxy-refused")
  expect(proxyReason(failed("ERR_PROXY_TUNNEL", "Proxy refused to open a tunnel: 407"))).toBe("proxy-refused")
  expect(proxyReason(failed("DEPTH_ZERO_SELF_SIGNED_CERT"))).toBe("tls-untrusted")
})

test("only words that no host, key or sentence could be are written down", () => {
  const words = (code: string | null, type: string | null = null, field: string | null = null): string | null =>
    safeWords({ ...NO_FAULT, code, type }, field)
  expect(words("invalid_api_key", "invalid_request_error")).toBe("code=invalid_api_key; type=invalid_request_error")
  expect(words("1113", "DeploymentNotFound")).toBe("code=1113; type=DeploymentNotFound")
  expect(words("not_found_error", "not_found_error")).toBe("code=not_found_error")
  expect(words(null, null, "messages[2].content")).toBe("field=messages[2].content")
  for (const unsafe of [
    "",
    "db.internal.example",
    "10.0.0.7:8000",
    "sk-proj-Ab3dEf5hIj7kLm9n",
    "AKIAIOSFODNN7EXAMPLE",
    "the model is not there",
    "a\nb",
    "x".repeat(49),
  ])
    expect(words(unsafe, unsafe, unsafe === "db.internal.example" ? null : unsafe)).toBeNull()
})

test("a word that holds a secret of the provider leaves the reason alone", () => {
  expect(reasonText("key-refused", sayable("code=invalid_api_key", /tenant/gi))).toBe(
    "key-refused; code=invalid_api_key",
  )
  expect(reasonText("key-refused", sayable("code=unknown_tenant", /tenant/gi))).toBe("key-refused")
  expect(reasonText("key-refused", sayable(null, /tenant/gi))).toBe("key-refused")
})
