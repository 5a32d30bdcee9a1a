/** Values as they come off the wire: nothing is known about them yet. */
export type WireObject = Readonly<Record<string, unknown>>

export function isRecord(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** For an error message. */
export function showValue(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined")
}
