import { expect, test } from "bun:test"
import { ModelName } from "./model-name.ts"

const name = new ModelName('my "group"')
const frames = (text: string): string => Buffer.from(name.frames(Buffer.from(text))).toString()

test("only the answer's own model changes, and no other byte", () => {
  const text =
    ': c\r\n\r\nevent: x\r\ndata:{"a": {"model":"inner"}, "model" :  "old" , "n":1.0}\r\n\r\ndata: {"x":"\\"model\\":"}\n\n'
  expect(frames(text)).toBe(text.replace('"old"', '"my \\"group\\""'))
})

test("an answer inside of an event has its model changed", () => {
  expect(frames('data: {"response":{"id":1,"model":"old"},"message":{"model":"old"}}\n\n')).toBe(
    'data: {"response":{"id":1,"model":"my \\"group\\""},"message":{"model":"my \\"group\\""}}\n\n',
  )
})

test("a body that is no JSON, no text, or has no model stays as it is", () => {
  for (const text of ['data: {"model":\n\n', "data: [DONE]\n\n", 'data: {"model":null}\n\n', 'event: "model"\n\n'])
    expect(frames(text)).toBe(text)
  const bytes = Buffer.from("data: {}\n\n")
  expect(name.frames(bytes)).toBe(bytes)
})

test("a last frame without its blank line has its model changed", () => {
  expect(frames('data: {"model":"a"}')).toBe('data: {"model":"my \\"group\\""}')
})
