/** Roles, domains and grants, as Casbin decides them. */
import { expect, test } from "bun:test"
import { NO_ADMIN, type AdminRules } from "../config/compile/admin-rules.ts"
import { policyLine } from "../config/check/policy-lines.ts"
import { Authorization } from "./authorization.ts"

async function of(...lines: readonly string[]): Promise<Authorization> {
  const parsed = lines.map(policyLine)
  const rules: AdminRules = {
    ...NO_ADMIN,
    grants: parsed.flatMap((line) => (line.is === "grants" ? line.grants : [])),
    roles: parsed.flatMap((line) => (line.is === "role" ? [line.link] : [])),
  }
  return Authorization.open(rules)
}

const LINES = [
  "p, viewer, lab/prod, admin:explain, read",
  "p, auditor, *, admin:reports, read|export",
  "p, basic:sue, lab/dev, admin:explain, read",
  "g, basic:ann, viewer, lab/prod",
  "g, basic:bob, viewer, *",
  "g, basic:cid, auditor, lab/prod",
  "g, basic:dan, auditor, *",
  "g, auditor, viewer, lab/prod",
]

test.each([
  ["basic:ann", "lab/prod", "admin:explain", "read", true],
  ["basic:ann", "lab/dev", "admin:explain", "read", false],
  ["basic:ann", "*", "admin:explain", "read", false],
  ["basic:ann", "lab/prod", "admin:explain", "write", false],
  ["basic:ann", "lab/prod", "admin:reports", "read", false],
  ["basic:bob", "lab/prod", "admin:explain", "read", true],
  ["basic:bob", "*", "admin:explain", "read", false],
  ["basic:cid", "lab/prod", "admin:reports", "export", true],
  ["basic:cid", "lab/dev", "admin:reports", "export", false],
  ["basic:cid", "*", "admin:reports", "export", false],
  ["basic:cid", "lab/prod", "admin:explain", "read", true],
  ["basic:dan", "*", "admin:reports", "read", true],
  ["basic:dan", "*", "admin:reports", "drilldown", false],
  ["basic:sue", "lab/dev", "admin:explain", "read", true],
  ["basic:sue", "lab/prod", "admin:explain", "read", false],
  ["basic:eve", "lab/prod", "admin:explain", "read", false],
  ["", "lab/prod", "admin:explain", "read", false],
  ["__proto__", "*", "admin:reports", "read", false],
])("%s in %s: %s %s is %p", async (subject, domain, object, action, expected) => {
  expect((await of(...LINES)).may(subject, domain, object, action)).toBe(expected)
})

test("a line that stands twice is a line", async () => {
  const twice = await of(...LINES, ...LINES)
  expect(twice.may("basic:ann", "lab/prod", "admin:explain", "read")).toBe(true)
})

test("without grants nothing is permitted", async () => {
  expect((await of("g, basic:ann, viewer, *")).may("basic:ann", "*", "admin:explain", "read")).toBe(false)
})

test("two configurations do not know each other", async () => {
  const before = await of("p, basic:ann, *, admin:explain, read")
  const after = await of("p, basic:bob, *, admin:explain, read")
  const seen = [before, after].map((one) =>
    ["basic:ann", "basic:bob"].map((who) => one.may(who, "*", "admin:explain", "read")),
  )
  expect(seen).toEqual([
    [true, false],
    [false, true],
  ])
})
