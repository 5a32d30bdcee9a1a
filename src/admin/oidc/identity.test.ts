/** An address and the word that it is verified come from one statement of the provider, or the address does not count. */
import { expect, test } from "bun:test"
import { identityOf, joinedClaims } from "./identity.ts"

const RULES = { claims: { subject: "sub", email: "email", groups: "groups" } }

test.each([
  [
    "an address that the token alone names",
    { email: "ann@x.test" },
    { email: "eve@x.test", email_verified: true },
    null,
  ],
  ["an address that the token alone names, and no other", { email: "ann@x.test" }, { email_verified: true }, null],
  ["an address of the endpoint", { email_verified: true }, { email: "ann@x.test" }, null],
  ["an address that the token denies", { email: "a@x.test", email_verified: false }, { email_verified: true }, null],
  ["the same address", { email: "ann@x.test" }, { email: "ann@x.test", email_verified: true }, "ann@x.test"],
  ["the endpoint's own", {}, { email: "ann@x.test", email_verified: true }, "ann@x.test"],
  ["the token's own", { email: "ann@x.test", email_verified: true }, { email: "eve@x.test" }, "ann@x.test"],
])("%s", (_what, token, more, email) => {
  const claims = joinedClaims({ sub: "s", ...token }, { sub: "s", groups: "ops", ...more }, RULES)
  expect(identityOf(claims, RULES as never)).toEqual({ subject: "s", email, groups: ["ops"] })
})
