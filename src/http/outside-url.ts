/** Does a URL name a host of the internet? Judged by its text alone: names are not resolved. */
import { isIP } from "node:net"
import { isPrivateAddress } from "./address.ts"

/**
 * Why a server should not fetch a URL. `private`: its host is, or names, a machine of a private network. `scheme`: it is not
 * fetched by HTTP. `unreadable`: it is none, or programs read its host in different ways.
 */
export type UrlFault = "private" | "scheme" | "unreadable"

/** What is longer is nobody's address. */
export const LONGEST_URL_CHARS = 8192

/** Null: the URL is fine, holds its data itself, or is no URL. */
export function outsideUrlFault(url: string): UrlFault | null {
  // programs leave these out around an address, and some inside of it
  const text = url.replace(AROUND, "")
  const scheme = schemeOf(text)
  if (scheme === undefined)
    return schemeOf(text.replace(/[\t\n\r]/g, "")) === undefined ? bareFault(text) : "unreadable"
  if (scheme === "data") return null
  if (scheme !== "http" && scheme !== "https") return "scheme"
  if (text.length > LONGEST_URL_CHARS) return "unreadable"
  const host = hostOf(text)
  if (host === null) return "unreadable"
  return isPrivateHost(host) ? "private" : null
}

function schemeOf(text: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
}

// oxlint-disable-next-line no-control-regex -- what URL parsers strip: https://url.spec.whatwg.org/#concept-basic-url-parser
const AROUND = /^[\u0000-\u0020]+|[\u0000-\u0020]+$/g
// oxlint-disable-next-line no-control-regex -- likewise
const ODD = /[\\\u0000-\u0020\u007f]/

/** The host, if the URL standard and the plain reading of RFC 3986 agree on it; null otherwise. */
function hostOf(text: string): string | null {
  const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1]
  if (authority === undefined || ODD.test(authority) || authority.split("@").length > 2) return null
  const plain = authority.replace(/^.*@/s, "").replace(/:\d*$/, "")
  const host = URL.parse(text)?.hostname ?? ""
  if (host === "" || URL.parse(`http://${decoded(plain)}/`)?.hostname !== host) return null
  // some programs take numbers with a leading zero for decimal ones, others for octal ones
  const decimal = /^\d+(?:\.\d+){3}$/.test(plain) ? plain.replace(/(^|\.)0+(?=\d)/g, "$1") : host
  return isPrivateHost(decimal) ? decimal : host
}

function decoded(host: string): string {
  try {
    return decodeURIComponent(host)
  } catch {
    return ""
  }
}

/** An address without a scheme; some programs fetch these as well. Base64 has none of `.`, `:` and `[`. */
function bareFault(text: string): UrlFault | null {
  const authority = /^(?:\/\/)?([^/?#\\]{1,300})/.exec(text.replaceAll("\\", "/"))?.[1] ?? ""
  if (!/[.:[\]]|^localhost$/i.test(authority)) return null
  const host = URL.parse(`http://${authority}/`)?.hostname
  return host !== undefined && isPrivateHost(host) ? "private" : null
}

function isPrivateHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").replace(/\.+$/, "")
  return isIP(name) === 0 ? name === "" || SHORT_NAME.test(name) || PRIVATE_NAME.test(name) : isPrivateAddress(name)
}

/**
 * Names that only private networks have, and those that say an address themselves (`10.0.0.1.nip.io`).
 * https://www.iana.org/assignments/special-use-domain-names
 */
const PRIVATE_NAME =
  /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|private|corp|lan|home|home\.arpa|svc|(?:nip|sslip|xip)\.io|localtest\.me|lvh\.me)$/i

/** Names without a dot by which clouds and clusters reach their own services. */
const SHORT_NAME = /^(?:metadata|instance-data|kubernetes|host|gateway)$/i
