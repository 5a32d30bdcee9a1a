/** What a request says about how the model draws: numbers at its top level, which no dialect calls by another name. */

/** By name: finite numbers, `top_k` and `seed` whole ones. */
export type Sampling = readonly (readonly [name: SamplingName, value: number])[]

export type SamplingName = "temperature" | "top_p" | "frequency_penalty" | "presence_penalty" | "top_k" | "seed"

/** Whether it is a whole number. */
const NAMES: Readonly<Record<SamplingName, boolean>> = {
  temperature: false,
  top_p: false,
  frequency_penalty: false,
  presence_penalty: false,
  top_k: true,
  seed: true,
}
/** `-0.1234567890123456e-10`. */
const LONGEST_NUMBER = 24
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/

/** A JSON object whose members are known. */
export interface SampledBody {
  readonly bytes: Uint8Array
  readonly members: readonly { readonly key: string; readonly start: number; readonly end: number }[]
}

export function samplingOf({ bytes, members }: SampledBody): Sampling {
  const found: (readonly [SamplingName, number])[] = []
  for (const { key, start, end } of members) {
    if (!isName(key)) continue
    const value = numberAt(bytes, start, end, NAMES[key])
    if (value !== null && !found.some(([name]) => name === key)) found.push([key, value])
  }
  return found
}

function isName(key: string): key is SamplingName {
  return Object.hasOwn(NAMES, key)
}

function numberAt(bytes: Uint8Array, start: number, end: number, isWhole: boolean): number | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, LONGEST_NUMBER)).toString(
    "latin1",
  )
  const digits = NUMBER.exec(text)?.[0]
  const value = digits === undefined ? Number.NaN : Number(digits)
  return (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : null
}
