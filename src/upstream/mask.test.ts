import { expect, test } from "bun:test"
import { masked } from "./mask.ts"

const SECRETS = ["https://api.vendor.example/v1", "api.vendor.example", "key-abcdef123"]
const through = (text: string): string => Buffer.from(masked(Buffer.from(text), SECRETS)).toString()

test("hosts, URLs, keys and organisation ids are masked, in any case", () => {
  expect(through("at HTTPS://API.VENDOR.EXAMPLE/v1/chat with key-abcdef123")).toBe("at [masked]/chat with [masked]")
  expect(through("Incorrect API key provided: sk-proj-abc*****xyz.")).toBe("Incorrect API key provided: [masked].")
  expect(through("org-AbCdEf123 has no access")).toBe("[masked] has no access")
  expect(through('"organization_id":"12345678-1234-1234-1234-123456789abc"')).toBe('"organization_id":"[masked]"')
})

test("what holds nothing secret keeps its very bytes", () => {
  const bytes = Buffer.from('{"error":{"message":"max_tokens: 32000 > 8192","org":"task-organiser"}}\xff', "latin1")
  expect(masked(bytes, SECRETS)).toBe(bytes)
})
