/** A text of any length in the engine's memory. */
import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten-core"

/** A text from here on may be more than is left. */
const LARGE = 65_536

/** Null: it does not fit. */
export function engineText(context: QuickJSContext, text: string): QuickJSHandle | null {
  try {
    const handle = context.newString(text)
    return text.length < LARGE || context.typeof(handle) === "string" ? handle : null
  } catch {
    return null
  }
}
