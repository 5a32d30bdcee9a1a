/** A moment as people read it in messages: `2026-12-02T00:00:00Z`. `ms`: Unix milliseconds. */
export function inSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z")
}
