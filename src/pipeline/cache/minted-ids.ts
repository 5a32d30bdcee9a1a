/** The random parts of the ids that were made for an answer, so that it can be told again under others. */
import type { Telling } from "../../cache/entry.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Random } from "../../system/random.ts"

type Drawing = Pick<Random, "hex">

export class MintedIds implements Random {
  readonly number: Random["number"]
  readonly #random: Random
  readonly #drawn: string[] = []

  constructor(random: Random) {
    this.#random = random
    this.number = random.number
  }

  readonly hex = (bytes: number): string => {
    const drawn = this.#random.hex(bytes)
    this.#drawn.push(drawn)
    return drawn
  }

  /** The answer that they stand in. */
  telling(bytes: Uint8Array, losses: readonly Loss[]): Telling {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const ids = this.#drawn.flatMap((drawn, number) =>
      placesOf(view, drawn).map((at) => [at, drawn.length, number] as const),
    )
    return { bytes, ids, losses }
  }

  /** The same answer under new ids. */
  static anew({ bytes, ids }: Telling, random: Drawing): Uint8Array {
    const told = Buffer.from(bytes)
    const drawn: string[] = []
    for (const [at, length, number] of ids) told.write((drawn[number] ??= random.hex(length / 2)), at, "latin1")
    return told
  }
}

function placesOf(bytes: Buffer, text: string): readonly number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) places.push(at)
  return places
}
