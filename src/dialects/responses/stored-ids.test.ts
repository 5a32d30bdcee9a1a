/** Whether the scan has seen enough to say that a body may point at stored state. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { scanObject } from "../../json/scan.ts"
import { isReference, storedIds } from "./stored-ids.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const mayHold = (text: string): boolean => storedIds.mayHold(scanObject(Buffer.from(text), 512))
const holds = (input: string): boolean => mayHold(`{"tools":[{"id":"x","type":"function"}],"input":[${input}]}`)

describe("a reference", () => {
  test.each([
    '{"id":"a"}',
    '{ "id" : "a" }',
    '{\n\t"id": "msg_1"\r\n}',
    '{"type":null,"id":"a"}',
    '{"id":"a", "type" : null}',
    '{"id":"a", "type" : null, "status": "completed"}',
    '{"type":"message","id":"a","type":null}',
    '{"role":"user","content":"x"},{"id":"a"}',
    String.raw`{"id":"a\u0062"}`,
    String.raw`{"\u0069d":"a"}`,
    '{"type":"reasoning","id":"rs_1","summary":[]}',
    '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":null}',
    '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x","encrypted_content":""}',
    '{"type":"reasoning","id":"rs_1","id":"rs_2","encrypted_content":"x"}',
    String.raw`{"type":"reasoning","id":"rs_1","summary":[{"text":"\"encrypted_content\":\"x\""}]}`,
    String.raw`{"type":"\u0072easoning","id":"rs_1"}`,
    String.raw`{"type":"r\u0065asoning","id":"rs_1"}`,
    '{"type":"image_generation_call","id":"ig_1"}',
    '{"type":"web_search_call","id":"ws_1","action":{"type":"search"}}',
  ])("is an item that says no more, or less, than what stands under its id: %s", (text) => {
    expect(holds(text)).toBe(true)
  })

  test.each([
    '{"id":"a","type":"message"}',
    '{"type":"message","id":"a"}',
    '{"role":"user","id":"a","content":"x"}',
    '{"type":"function_call","id":"fc_1","call_id":"c"}',
    '{"type":"function_call","id":"fc_1"},{"role":"user"}',
    '{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x"}',
    '{"encrypted_content":"x","id":"rs_1","type":"reasoning"}',
    '{"type":"reasoning","summary":[]}',
    '{"type":"image_generation_call","id":"ig_1","result":"AAAA"}',
    '{"type":"file_search_call","id":"fs_1","results":[{}]}',
    String.raw`{"content":"{\"id\":\"a\"}"}`,
    '{"content":[{"id":"a"}]}',
    "{}",
  ])("is not an item with more than an id: %s", (text) => {
    expect(holds(text)).toBe(false)
  })

  test("is found however it is written", () => {
    const item = fc.oneof(
      fc.record({ id: fc.string() }),
      fc.record({ id: fc.string(), type: fc.constant(null) }),
      fc.record({ type: fc.constant(null), id: fc.string() }),
      fc.record({ type: fc.constant("message"), id: fc.string(), role: fc.constant("user"), content: fc.string() }),
    )
    expectProperty(
      fc.property(fc.array(item), fc.nat(3), (input, indent) => {
        expect(mayHold(JSON.stringify({ input }, null, indent))).toBe(input.some((each) => isReference(each)))
      }),
    )
  })
})

test.each([
  '{"input":[{"content":[{"type":"input_file","file_id":"f"}]}]}',
  '{"tools":[{"type":"code_interpreter","container":"c"}]}',
  '{"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["f"]}}]}',
  '{"tools":[{"type":"shell","environment":{"type":"container_reference","container_id":"c"}}]}',
  '{"input":[{"type":"item_reference","id":"i"}]}',
  '{"previous_response_id":"r"}',
  '{"conversation":{"id":"c"}}',
  '{"prompt":{"id":"p","variables":{"doc":{"type":"input_file","file_id":"f"}}}}',
  String.raw`{"input":[{"content":[{"f\u0069le_id":"f"}]}]}`,
  String.raw`{"input":[{"typ\u0065":"item_reference","id":"i"}]}`,
])("%s points at something", (text) => {
  expect(mayHold(text)).toBe(true)
})

test("a text that speaks of ids points at nothing, and neither do ids that are empty", () => {
  expect(mayHold(String.raw`{"input":[{"role":"user","content":"\u0066ile_id \"file_id\": \"f\""}]}`)).toBe(false)
  expect(mayHold('{"input":[{"role":"user","content":[{"file_id":null}]}],"metadata":{"file_id":"x"}}')).toBe(false)
})

test("the environment of a computer is no container, one that names a container is", () => {
  const ids = (tool: string) => storedIds.held(JSON.parse(`{"input":"x","tools":[${tool}]}`)).map(({ id }) => id)
  expect(ids('{"type":"computer_use_preview","environment":"browser"}')).toEqual([])
  expect(ids('{"type":"code_interpreter","container":"cntr_1"}')).toEqual(["cntr_1"])
  expect(ids('{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_2"}}')).toEqual([
    "cntr_2",
  ])
})

test("files in the variables of a stored prompt are held", () => {
  const body = JSON.parse(
    '{"prompt":{"id":"pmpt_1","variables":{"a":"x","doc":{"type":"input_file","file_id":"file_1"}}}}',
  )
  expect(storedIds.held(body)).toMatchObject([{ kind: "file", id: "file_1", param: "prompt.variables.doc.file_id" }])
})
