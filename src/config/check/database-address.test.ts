import { expect, test } from "bun:test"
import { KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

const PASSWORD = "pass-7c1f"

function findingsOf(dsn: string): readonly (readonly [string, string, string])[] {
  const usageDb = `usage_db: { driver: postgres, dsn: ${JSON.stringify(dsn)} }`
  const result = loadText(SMALLEST.replace("  listen:", `  ${usageDb}\n  listen:`), { env: KEYS })
  expect(JSON.stringify(result.findings)).not.toContain(PASSWORD)
  return result.findings
    .filter(({ path }) => path === "server.usage_db.dsn")
    .map(({ severity, code, message }) => [severity, code, message])
}

test.each([
  `postgres://router:${PASSWORD}@db.example.com/usage?sslmode=verify-full`,
  `postgresql://router:${PASSWORD}@db.example.com:6432/usage?sslmode=require`,
  `postgres://router:${PASSWORD}@127.0.0.1/usage`,
  "postgres://router@localhost/usage?sslmode=disable",
  "postgres://router@%2Fvar%2Frun%2Fpostgresql/usage",
  "postgres:///usage?host=/var/run/postgresql",
])("%s is fine", (dsn) => {
  expect(findingsOf(dsn)).toEqual([])
})

test.each([
  [`router:${PASSWORD}@db.example.com/usage`, "This is no address of a PostgreSQL database."],
  [`host=db.example.com password=${PASSWORD}`, "This is no address of a PostgreSQL database."],
  [`mysql://router:${PASSWORD}@db.example.com/usage`, "This is no address of a PostgreSQL database."],
  [`postgres://router:${PASSWORD}@db.example.com`, "The address names no database."],
  [
    "postgres://a.example.com,b.example.com/usage",
    "The address names several hosts; name one that leads to the primary.",
  ],
  ["postgres://db.example.com/usage?sslmode=prefer", "sslmode is one of disable, require, verify-ca, verify-full."],
  ["postgres://db.example.com/usage?sslmode=verify-ca", "sslmode=verify-ca needs sslrootcert."],
  ["postgres://db.example.com/usage?sslmode=verify-full&sslrootcert=ca.pem", "sslrootcert must be an absolute path."],
])("%s is refused", (dsn, message) => {
  expect(findingsOf(dsn)).toEqual([["error", "invalid-value", message]])
})

test("a CA file must be readable", () => {
  const dsn = "postgres://db.example.com/usage?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"
  expect(findingsOf(dsn)).toMatchObject([["error", "unreadable-file", expect.stringContaining("cannot be read")]])
})

test.each(["postgres://db.example.com/usage", "postgres://10.0.0.7/usage?sslmode=disable"])(
  "%s gets a warning: it travels without TLS",
  (dsn) => {
    expect(findingsOf(dsn)).toMatchObject([["warning", "cleartext-database", expect.anything()]])
  },
)
