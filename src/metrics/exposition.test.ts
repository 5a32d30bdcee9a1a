import { expect, test } from "bun:test"
import { Exposition } from "./exposition.ts"

test("what would end a label, a line or a text is escaped", () => {
  const out = new Exposition({ base: "a\\b" }).family("f", "gauge", "one\ntwo").sample({ label: 'x"\n\ud800' }, 1)
  expect(out.text()).toBe('# HELP f one\\ntwo\n# TYPE f gauge\nf{base="a\\\\b",label="x\\"\\n\ufffd"} 1\n')
})
