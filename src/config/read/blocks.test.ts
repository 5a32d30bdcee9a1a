import { expect, test } from "bun:test"
import fc from "fast-check"
import { blocksOf, LONGEST_LINE } from "./blocks.ts"

const ENCODER = new TextEncoder()

async function blocksIn(chunks: readonly Uint8Array[]): Promise<readonly { firstLine: number; text: string }[]> {
  const found: { firstLine: number; text: string }[] = []
  for await (const { firstLine, bytes } of blocksOf(chunks))
    found.push({ firstLine, text: new TextDecoder().decode(bytes) })
  return found
}

const LINES = Array.from(
  { length: 3000 },
  (_, number) => `{"id":"caller-${number}","token":"${Bun.hash(String(number))}"}\n`,
)

test("blocks are whole lines, together the file, however it is cut into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: fc.constantFrom("a", "\n", "é", "{", '"'), maxLength: 300 }), { maxLength: 40 }),
      async (parts) => {
        const text = parts.join("")
        const blocks = await blocksIn(parts.map((part) => ENCODER.encode(part)))
        expect(blocks.map((block) => block.text).join("")).toBe(text)
        let line = 1
        for (const [index, block] of blocks.entries()) {
          expect(block.firstLine).toBe(line)
          if (index < blocks.length - 1) expect(block.text.endsWith("\n")).toBe(true)
          line += block.text.split("\n").length - 1
        }
        expect(await blocksIn([ENCODER.encode(text)])).toEqual(blocks)
      },
    ),
  )
})

test("a line that is changed, added or taken away leaves nearly all blocks as they were", async () => {
  const before = new Set((await blocksIn([ENCODER.encode(LINES.join(""))])).map(({ text }) => text))
  expect(before.size).toBeGreaterThan(20)
  for (const lines of [
    LINES.with(1500, "{}\n"),
    LINES.toSpliced(1500, 0, "{}\n"),
    LINES.toSpliced(1500, 1),
    [...LINES, "{}\n"],
  ]) {
    const after = await blocksIn([ENCODER.encode(lines.join(""))])
    expect(after.filter(({ text }) => !before.has(text)).length).toBeLessThanOrEqual(2)
  }
})

test("a line without end is refused before it fills the memory", async () => {
  const chunk = ENCODER.encode("x".repeat(LONGEST_LINE))
  expect(blocksIn([ENCODER.encode("{}\n"), ...Array.from({ length: 100 }, () => chunk)])).rejects.toThrow(
    "its line 2 is longer than 64 KiB",
  )
})
