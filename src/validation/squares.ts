/** A picture of four coloured squares: seeing it cannot be guessed, and naming it needs no wit. */
import { crc32, deflateSync } from "node:zlib"

const SIDE = 64
const COLOURS = {
  red: [220, 20, 20],
  green: [20, 150, 40],
  blue: [20, 40, 220],
  yellow: [250, 220, 20],
  black: [0, 0, 0],
  white: [255, 255, 255],
} as const

export type Colour = keyof typeof COLOURS
export const COLOUR_NAMES: readonly string[] = Object.keys(COLOURS)

/** Of the picture that upstreams load by its address. */
export const SHARED_COLOURS: readonly Colour[] = ["yellow", "black", "red", "blue"]

/** Four different colours: left to right, the upper row first. */
export function drawColours(draw: (below: number) => number): readonly Colour[] {
  const left = Object.keys(COLOURS) as Colour[]
  return Array.from({ length: 4 }, () => left.splice(draw(left.length), 1)[0] ?? "red")
}

/** A PNG (https://www.w3.org/TR/png-3/): 8 bits, RGB, no filter. */
export function squaresPng(colours: readonly Colour[]): Uint8Array {
  const rows: Buffer[] = []
  for (let y = 0; y < 2 * SIDE; y++) {
    const pair = y < SIDE ? colours.slice(0, 2) : colours.slice(2, 4)
    rows.push(Buffer.from([0, ...pair.flatMap((colour) => Array.from({ length: SIDE }, () => COLOURS[colour]).flat())]))
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(2 * SIDE, 0)
  head.writeUInt32BE(2 * SIDE, 4)
  head.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

/** Colours that a text names, in its order. */
export function coloursIn(text: string): readonly string[] {
  return text.toLowerCase().match(new RegExp(`\\b(?:${COLOUR_NAMES.join("|")})\\b`, "g")) ?? []
}
