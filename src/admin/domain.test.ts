/** What those see who sign in through a provider, by what policies say of them. */
import { describe, expect, test } from "bun:test"
import { NO_ADMIN, type OidcRules } from "../config/compile/admin-rules.ts"
import { Authorization } from "./authorization.ts"
import { providerDomain } from "./domain.ts"

const READ = { object: "admin:reports", action: "read" }
const grant = (subject: string, domain: string) => ({ subject, domain, ...READ })
const link = (subject: string, role: string, domain: string) => ({ subject, role, domain })
const oidc = (domain: string) => ({ domain }) as OidcRules
const SUBJECTS = ["user:ann@example.com", "group:finance", "group:lab"]

const CASES: readonly (readonly [
  name: string,
  grants: ReturnType<typeof grant>[],
  roles: ReturnType<typeof link>[],
  domain: string,
])[] = [
  ["a role in a domain", [grant("viewer", "*")], [link("group:lab", "viewer", "lab/prod")], "lab/prod"],
  ["a role everywhere", [grant("viewer", "*")], [link("group:finance", "viewer", "*")], "*"],
  ["a role of one domain", [grant("lab-viewer", "lab/dev")], [link("group:lab", "lab-viewer", "*")], "lab/dev"],
  ["a grant of their own", [grant("user:ann@example.com", "shop/prod")], [], "shop/prod"],
  [
    "everything beside one domain",
    [grant("viewer", "*")],
    [link("group:lab", "viewer", "lab/prod"), link("group:finance", "viewer", "*")],
    "*",
  ],
  [
    "a role of a role",
    [grant("viewer", "*")],
    [link("group:lab", "lead", "lab/prod"), link("lead", "viewer", "lab/prod")],
    "lab/prod",
  ],
  [
    "a role in a domain that its policy does not know",
    [grant("viewer", "shop/prod")],
    [link("group:lab", "viewer", "lab/prod")],
    "*",
  ],
  ["nothing", [grant("viewer", "*")], [link("group:others", "viewer", "lab/prod")], "*"],
]

describe("the domain of who has", () => {
  for (const [name, grants, roles, domain] of CASES)
    test(name, async () => {
      const rules = { ...NO_ADMIN, oidc: oidc("*"), grants, roles }
      expect(providerDomain(SUBJECTS, rules)).toBe(domain)
      // a domain that is told is one in which policies permit something
      const authorization = await Authorization.open(rules)
      const may = SUBJECTS.some((subject) => authorization.may(subject, domain, READ.object, READ.action))
      expect(may).toBe(!name.startsWith("nothing") && !name.includes("does not know"))
    })
})

test("a domain that the configuration names is the one of all", () => {
  const rules = { oidc: oidc("lab/dev"), grants: [grant("viewer", "*")], roles: [link("group:finance", "viewer", "*")] }
  expect(providerDomain(SUBJECTS, rules)).toBe("lab/dev")
})
