/** Random words that no answer holds by chance. */
import type { Random } from "../system/random.ts"

const CONSONANTS = "bdfgklmnprstvz"
const VOWELS = "aeiou"
const SYLLABLES = 5

export interface Words {
  /** Ten small letters: a model repeats them, and a filter for personal data sees nothing in them. */
  word(): string
  draw(below: number): number
}

export function wordsFrom(random: Pick<Random, "number">): Words {
  const draw = (below: number): number => Math.floor(random.number() * below)
  const letter = (letters: string): string => letters[draw(letters.length)] ?? ""
  const word = (): string => Array.from({ length: SYLLABLES }, () => letter(CONSONANTS) + letter(VOWELS)).join("")
  return { word, draw }
}
