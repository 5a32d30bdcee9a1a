/** Secrets that are known by their shape: keys and tokens of services, private keys, tokens that are signed, passwords in addresses. */
import type { Span } from "../span.ts"
import { eachMatch, whole } from "./scan.ts"

/** Each begins with letters of its own, and nothing follows its bounded tail: no text makes one search a place twice. */
const SHAPES = [
  // OpenAI, Anthropic, OpenRouter and others
  String.raw`sk-[A-Za-z0-9_-]{20,200}`,
  // GitHub
  String.raw`gh[opusr]_[A-Za-z0-9]{36,251}`,
  String.raw`github_pat_[A-Za-z0-9_]{60,251}`,
  // GitLab
  String.raw`glpat-[A-Za-z0-9_-]{20,100}`,
  // Slack
  String.raw`xox[abeoprs]-[A-Za-z0-9-]{10,250}`,
  // AWS
  String.raw`(?:AKIA|ASIA)[A-Z0-9]{16}`,
  // Google
  String.raw`AIza[A-Za-z0-9_-]{35}`,
  String.raw`ya29\.[A-Za-z0-9_-]{20,1000}`,
  // Stripe
  String.raw`[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}`,
  // npm, PyPI, Hugging Face, SendGrid, Groq, xAI
  String.raw`npm_[A-Za-z0-9]{36}`,
  String.raw`pypi-[A-Za-z0-9_-]{50,250}`,
  String.raw`hf_[A-Za-z0-9]{30,100}`,
  String.raw`SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}`,
  String.raw`gsk_[A-Za-z0-9]{40,100}`,
  String.raw`xai-[A-Za-z0-9]{40,100}`,
  // this router
  String.raw`rtr_[A-Za-z0-9_-]{40,250}`,
  // JSON web tokens (RFC 7519)
  String.raw`eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}`,
]
const TOKEN = new RegExp(`(?<![A-Za-z0-9_-])(?:${SHAPES.join("|")})(?![A-Za-z0-9_-])`, "g")
/** As in `postgres://user:password@host`: the password alone. */
const PASSWORD = /:\/\/[A-Za-z0-9._~%+-]{0,64}:([^\s/@"'`:\\[\]]{1,200})@/g

const BEGIN = "-----BEGIN "
const END = "-----END "
const LONGEST_KEY = 65_536

export function findSecrets(text: string): readonly Span[] {
  const spans = [...eachMatch(text, TOKEN, whole)]
  if (text.includes("://")) {
    for (const { start, end } of eachMatch(text, PASSWORD, whole))
      spans.push({ start: text.indexOf(":", start + 3) + 1, end: end - 1 })
  }
  for (let at = text.indexOf(BEGIN); at >= 0; at = text.indexOf(BEGIN, at + 1)) {
    const end = keyEnd(text, at)
    if (end < 0) continue
    spans.push({ start: at, end })
    at = end - 1
  }
  return spans
}

/** Where the private key ends that begins here: with its last line, else with the text; -1: none begins here. */
function keyEnd(text: string, start: number): number {
  const block = text.slice(start, start + LONGEST_KEY)
  if (!/^-----BEGIN (?:[A-Z0-9]{2,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/.test(block)) return -1
  const last = block.indexOf(END)
  if (last < 0) return start + block.length
  const close = block.indexOf("-----", last + END.length)
  return start + (close < 0 ? block.length : close + 5)
}
