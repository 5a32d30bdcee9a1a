/**
 * What stands in place of a value: `[EMAIL_QXWMVBTKCD]`. The letters are a keyed hash of the value, so that a value has the same
 * placeholder in every request under one key. Without the key, a placeholder tells nothing of its value, and the placeholders
 * of two keys cannot be compared.
 */

const LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
const LENGTH = 10

/** A text that looks like a placeholder: no detector of the router's own finds anything in it. */
export const PLACEHOLDER: RegExp = new RegExp(`\\[[A-Z][A-Z0-9_]{0,31}_[${LETTERS}]{${LENGTH},}\\]`, "g")

export class Placeholders {
  readonly #key: string
  readonly #ofValues = new Map<string, string>()
  readonly #values = new Map<string, string>()

  constructor(key: string) {
    this.#key = key
  }

  /** The values, by their placeholders. */
  get values(): ReadonlyMap<string, string> {
    return this.#values
  }

  of(prefix: string, value: string): string {
    const asked = `${prefix} ${value}`
    const known = this.#ofValues.get(asked)
    if (known !== undefined) return known
    const digest = new Bun.CryptoHasher("sha256", this.#key).update(asked).digest()
    let placeholder = ""
    // two values of a request never share one, or the wrong one would be restored
    for (let length = LENGTH; placeholder === "" || this.#values.has(placeholder); length++)
      placeholder = `[${prefix}_${lettersOf(digest, length)}]`
    this.#ofValues.set(asked, placeholder)
    this.#values.set(placeholder, value)
    return placeholder
  }
}

function lettersOf(digest: Uint8Array, length: number): string {
  let letters = ""
  for (let index = 0; index < length; index++) letters += LETTERS[(digest[index % digest.length] ?? 0) % LETTERS.length]
  return letters
}
