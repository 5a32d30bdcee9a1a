import { expect, test } from "bun:test"
import fc from "fast-check"
import { holdsBareReference } from "./bare-reference.ts"
import { isReference } from "./stored-ids.ts"

const holds = (text: string): boolean => holdsBareReference(Buffer.from(text))

test.each([
  '{"id":"a"}',
  '{ "id" : "a" }',
  '[{\n\t"id": "msg_1"\r\n}]',
  '{"type":null,"id":"a"}',
  '{"id":"a", "type" : null}',
  String.raw`{"id":"a\u0062"}`,
])("%s", (text) => {
  expect(holds(text)).toBe(true)
})

test.each([
  '{"id":"a","type":"message"}',
  '{"type":"message","id":"a"}',
  '{"type":"function_call","id":"fc_1","call_id":"c"}',
  String.raw`{"content":"{\"id\":\"a\"}"}`,
  '{"id":1}',
  "{}",
])("not %s", (text) => {
  expect(holds(text)).toBe(false)
})

test("no reference escapes, however it is written", () => {
  const item = fc.oneof(
    fc.record({ id: fc.string() }),
    fc.record({ id: fc.string(), type: fc.constant(null) }),
    fc.record({ type: fc.constant(null), id: fc.string() }),
    fc.record({ type: fc.constant("message"), id: fc.string(), role: fc.constant("user"), content: fc.string() }),
  )
  fc.assert(
    fc.property(fc.array(item), fc.nat(3), (input, indent) => {
      if (input.some((each) => isReference(each))) expect(holds(JSON.stringify({ input }, null, indent))).toBe(true)
    }),
  )
})
