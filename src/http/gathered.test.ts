import { expect, test } from "bun:test"
import fc from "fast-check"
import { runs } from "../../test/helpers/sample.ts"
import { Gathered } from "./gathered.ts"

test("what comes out is what went in, in order, whatever the pieces", () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.nat(255), fc.nat(70_000)).map(([value, length]) => new Uint8Array(length).fill(value)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const gathered = new Gathered()
      // a piece must not be overwritten by those that follow
      const copies = pieces.map((one) => one.slice())
      for (const one of pieces) gathered.add(one)
      expect(gathered.size).toBe(copies.reduce((sum, { length }) => sum + length, 0))
      expect(Buffer.from(gathered.take()).equals(Buffer.concat(copies))).toBe(true)
      expect(pieces.map((one) => Buffer.from(one).toString("hex"))).toEqual(
        copies.map((one) => Buffer.from(one).toString("hex")),
      )
      expect([gathered.size, gathered.heldBytes]).toEqual([0, 0])
    }),
    runs(200),
  )
})

test.each([1, 2, 7, 100, 4000, 16_383, 16_384, 70_000])(
  "of pieces of %d bytes no more than four times is held, from the first thousand bytes on",
  (length) => {
    const gathered = new Gathered()
    let most = 0
    while (gathered.size < 1_000_000) {
      gathered.add(new Uint8Array(length))
      if (gathered.size > 1000) most = Math.max(most, gathered.heldBytes / gathered.size)
    }
    expect(most).toBeLessThanOrEqual(4)
  },
)

test("pieces of a byte between large ones do not each hold a block", () => {
  const gathered = new Gathered()
  for (let count = 0; count < 100; count++) {
    gathered.add(new Uint8Array(20_000))
    gathered.add(new Uint8Array(1))
  }
  expect(gathered.heldBytes / gathered.size).toBeLessThanOrEqual(4)
})

test("a single piece is given back as it came", () => {
  const gathered = new Gathered()
  const piece = new Uint8Array(10)
  gathered.add(piece)
  expect(gathered.take()).toBe(piece)
})
