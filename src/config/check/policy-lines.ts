/** Policy lines, and the permissions that users have without one: read strictly, because a grant that nobody meant is a hole. */
import { quoted } from "../findings.ts"
import { nearest } from "../../nearest.ts"
import type { Grant, RoleLink } from "../compile/admin-rules.ts"

/** Everything that can be granted. */
export const OBJECTS: Readonly<Record<string, readonly string[]>> = {
  metrics: ["read"],
  "admin:auth": ["read", "revoke"],
  "admin:explain": ["read"],
  "admin:reports": ["read", "export", "drilldown"],
  "admin:security_reports": ["read", "export"],
  "content:capture": ["read", "delete", "purge"],
}

const NAME = /^[^\s\p{C},"]{1,256}$/u
const DOMAIN = /^(?:\*|[^\s\p{C},"/*]+\/[^\s\p{C},"/*]+)$/u

export interface LineFault {
  /** Of the line, from 1. */
  readonly column: number
  /** A sentence. */
  readonly message: string
  readonly nearest?: string | undefined
}

export type PolicyLine =
  | { readonly is: "grants"; readonly grants: readonly Grant[] }
  | { readonly is: "role"; readonly link: RoleLink }
  | { readonly is: "fault"; readonly fault: LineFault }

interface Field {
  readonly text: string
  readonly column: number
}

export function policyLine(line: string): PolicyLine {
  const fields = fieldsOf(line)
  const [kind, first, ...rest] = fields
  try {
    if (kind?.text === "p") return { is: "grants", grants: grantsOf(fields, first, rest) }
    if (kind?.text === "g") return { is: "role", link: linkOf(fields, first, rest) }
    throw new Fault(kind, "A policy line begins with p (a grant) or g (a role).")
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { column, message, meant } = error
    return { is: "fault", fault: { column, message, nearest: meant } }
  }
}

/** `object:action`, where the action may be several: `admin:reports:read|export`. */
export function permission(text: string, subject: string, domain: string): readonly Grant[] | LineFault {
  const at = text.lastIndexOf(":")
  try {
    if (at < 1) throw new Fault({ text, column: 1 }, "A permission is written object:action.")
    const object = objectOf({ text: text.slice(0, at), column: 1 })
    return actionsOf(object, { text: text.slice(at + 1), column: at + 2 }).map((action) => ({
      subject,
      domain,
      object,
      action,
    }))
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { column: error.column, message: error.message, nearest: error.meant }
  }
}

class Fault extends Error {
  readonly column: number
  readonly meant: string | undefined

  constructor(field: Field | undefined, message: string, meant?: string) {
    super(message)
    this.column = field?.column ?? 1
    this.meant = meant
  }
}

function fieldsOf(line: string): readonly Field[] {
  let at = 0
  return line.split(",").map((part) => {
    const column = at + 1 + (part.length - part.trimStart().length)
    at += part.length + 1
    return { text: part.trim(), column }
  })
}

function grantsOf(fields: readonly Field[], role: Field | undefined, rest: readonly Field[]): readonly Grant[] {
  const [domain, object, action] = rest
  countFields(fields, "p, role, domain, object, action", 5)
  const subject = nameOf(role, "role")
  const where = domainOf(domain)
  const what = objectOf(object ?? NOWHERE)
  return actionsOf(what, action ?? NOWHERE).map((one) => ({ subject, domain: where, object: what, action: one }))
}

function linkOf(fields: readonly Field[], subject: Field | undefined, rest: readonly Field[]): RoleLink {
  const [role, domain] = rest
  countFields(fields, "g, subject, role, domain", 4)
  return { subject: nameOf(subject, "subject"), role: nameOf(role, "role"), domain: domainOf(domain) }
}

const NOWHERE: Field = { text: "", column: 1 }

function countFields(fields: readonly Field[], form: string, count: number): void {
  if (fields.length === count) return
  throw new Fault(
    fields[Math.min(count, fields.length - 1)],
    `This line has ${fields.length} fields; it is written ${form}.`,
  )
}

function nameOf(field: Field | undefined, what: string): string {
  if (field !== undefined && NAME.test(field.text)) return field.text
  throw new Fault(field, `The ${what} must be 1 to 256 printable characters without spaces, commas and quotes.`)
}

function domainOf(field: Field | undefined): string {
  if (field !== undefined && DOMAIN.test(field.text)) return field.text
  throw new Fault(field, "The domain must be project/environment, or * for all of them.")
}

function objectOf(field: Field): string {
  if (Object.hasOwn(OBJECTS, field.text)) return field.text
  const known = Object.keys(OBJECTS)
  throw new Fault(
    field,
    `There is no object ${quoted(field.text)}; there are ${known.join(", ")}.`,
    nearest(field.text, known),
  )
}

function actionsOf(object: string, { text, column }: Field): readonly string[] {
  const known = OBJECTS[object] ?? []
  let at = column
  const actions = text.split("|").map((part) => {
    const field = { text: part.trim(), column: at }
    at += part.length + 1
    if (known.includes(field.text)) return field.text
    const message = `There is no action ${quoted(field.text)} on ${object}; there is ${known.join(", ")}.`
    throw new Fault(field, message, nearest(field.text, known))
  })
  return [...new Set(actions)]
}
