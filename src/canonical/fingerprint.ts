/** A short, deterministic, pure fingerprint: four FNV-1a lanes over UTF-16 units. For names, never for security. */

const PRIME = 0x01000193
const LANES = [0x811c9dc5, 0x050c5d1f, 0x9e3779b9, 0x85ebca6b] as const
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
const CHARS_PER_LANE = 6

/** `length` characters of [0-9a-z], at most 24 (about 124 bits). */
export function fingerprint(text: string, length: number): string {
  let result = ""
  for (const seed of LANES) {
    let lane: number = seed
    for (let index = 0; index < text.length; index += 1) {
      lane = Math.imul(lane ^ text.charCodeAt(index), PRIME)
      lane ^= lane >>> 15
    }
    result += laneText(lane >>> 0)
  }
  return result.slice(0, length)
}

function laneText(lane: number): string {
  let rest = lane
  let text = ""
  for (let count = 0; count < CHARS_PER_LANE; count += 1) {
    text += ALPHABET.charAt(rest % ALPHABET.length)
    rest = Math.floor(rest / ALPHABET.length)
  }
  return text
}
