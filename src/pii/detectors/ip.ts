/** Addresses of the Internet Protocol. Those that name no machine (`127.0.0.1`, `0.0.0.0`, `::1`, masks of networks) are none. */
import { isIPv4, isIPv6 } from "node:net"
import type { Span } from "../span.ts"
import { eachMatch } from "./scan.ts"

const V4 = /(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)/g
const V6 =
  /(?<![\w:.])(?:[0-9a-f]{1,4}:(?:[0-9a-f]{0,4}:){1,6}|::(?:[0-9a-f]{1,4}:){0,6})(?:[0-9a-f]{1,4}|\d{1,3}(?:\.\d{1,3}){3})?(?![\w:]|\.\d)/gi
const NAMELESS = /^(?:127\.|0\.|255\.)/

export function findIps(text: string): readonly Span[] {
  const v4 = eachMatch(text, V4, (match, start) => (isIPv4(match) && !NAMELESS.test(match) ? start + match.length : -1))
  if (!text.includes(":")) return v4
  const v6 = eachMatch(text, V6, (match, start) => (isAddress(match) ? start + match.length : -1))
  return v6.length === 0 ? v4 : [...v4, ...v6]
}

/** `std::byte` is none, nor `a::b`. */
function isAddress(text: string): boolean {
  return /\d/.test(text) && text !== "::1" && text.replaceAll(":", "").length > 1 && isIPv6(text)
}
