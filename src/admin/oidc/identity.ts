/** Who may come in of those that a provider knows: decided by what it says of them, and again at every request. Pure. */
import { GROUP_SUBJECT, MAIL_SUBJECT, OIDC_SUBJECT, type OidcRules } from "../../config/compile/admin-rules.ts"
import type { Identity } from "../session/sessions.ts"

export type Claims = Readonly<Record<string, unknown>>

/** Policies are lines of words between commas. */
const WORD = /^[^\s\p{C},"]{1,200}$/u
const MOST_GROUPS = 500

/** Null: the claims name nobody. */
export function identityOf(claims: Claims, { claims: names }: OidcRules): Identity | null {
  const subject = claims[names.subject]
  if (typeof subject !== "string" || !WORD.test(subject)) return null
  return { subject, email: emailOf(claims, names.email), groups: groupsOf(claims[names.groups]) }
}

/**
 * What the signed token says, and what the provider's other endpoint adds. An address and whether it is verified are one statement:
 * the word of one for the address of the other would let somebody in under an address that nobody has verified.
 */
export function joinedClaims(token: Claims, more: Claims, { claims: names }: Pick<OidcRules, "claims">): Claims {
  const { [names.email]: address, [VERIFIED]: verified, ...rest } = token
  if (address === undefined) return { ...more, ...rest }
  const isSame = verified === undefined && more[names.email] === address
  return { ...more, ...rest, [names.email]: address, [VERIFIED]: isSame ? more[VERIFIED] : verified }
}

const VERIFIED = "email_verified"

/** An address counts where the provider says that it is its account's own. Some providers write the flag as a text. */
function emailOf(claims: Claims, name: string): string | null {
  const email = claims[name]
  const isVerified = claims[VERIFIED] === true || claims[VERIFIED] === "true"
  if (!isVerified || typeof email !== "string") return null
  const address = email.toLowerCase()
  return WORD.test(address) && /^[^@]+@[^@]+$/.test(address) ? address : null
}

function groupsOf(claim: unknown): readonly string[] {
  const names = Array.isArray(claim) ? (claim as readonly unknown[]) : [claim]
  return names.filter((name): name is string => typeof name === "string" && name !== "").slice(0, MOST_GROUPS)
}

/** Null: they may. Otherwise why not, for the log: it names neither address nor group. */
export function whyRefused({ email, groups }: Identity, rules: OidcRules): string | null {
  const { allowedDomains, allowedGroups } = rules
  // the configuration is refused without either; should it come this far, nobody comes in
  if (allowedDomains.length === 0 && allowedGroups.length === 0) return "nobody is allowed"
  if (allowedDomains.length > 0) {
    if (email === null) return "the address is not there, or not verified"
    if (!allowedDomains.includes(email.slice(email.indexOf("@") + 1))) return "the mail domain is not allowed"
  }
  if (allowedGroups.length > 0 && !groups.some((group) => allowedGroups.includes(group)))
    return "none of the groups is allowed"
  return null
}

export function subjectOf({ subject, email }: Identity): string {
  return email === null ? OIDC_SUBJECT + subject : MAIL_SUBJECT + email
}

/** How policies name the groups: what cannot stand in a line is written as in a URL (`group:Domain%20Admins`). */
export function groupSubjects({ groups }: Identity): readonly string[] {
  return groups.map((group) => GROUP_SUBJECT + group.replaceAll(/[\s\p{C},"%]/gu, encodedCharacter))
}

function encodedCharacter(character: string): string {
  return [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("")
}
