/** One event of a stream, judged, and what of it leaves or is translated. Pure: what is large is done in another thread. */
import type { SeenItem } from "../../dialects/codec.ts"
import { NO_REQUEST_FACTS } from "../../dialects/dialect.ts"
import type { DialectName } from "../../dialects/name.ts"
import { ModelName } from "../../dialects/model-name.ts"
import { restore, stateOf, type ObserverState } from "../../dialects/observer-state.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { readFields } from "../../sse/fields.ts"
import { smallFrames } from "./small-frames.ts"

export interface FrameOrder {
  readonly dialect: DialectName
  /** Of the observer that has judged all frames before this one. */
  readonly state: ObserverState
  /** `pass`: the frame leaves as it is, `rename`: under another model's name, `translate`: it is read on. */
  readonly use:
    | { readonly is: "pass" }
    | { readonly is: "rename"; readonly name: string }
    | { readonly is: "translate"; readonly seen: readonly SeenItem[] }
}

export interface JudgedFrame {
  /** `FRAME` bits. */
  readonly verdict: number
  readonly state: ObserverState
  /** Null: the frame passes, or is too large to be translated. Else it takes the frame's place: renamed, or as small frames that say the same. */
  readonly bytes: Uint8Array | null
}

export function judgedFrame(bytes: Uint8Array, { dialect, state, use }: FrameOrder): JudgedFrame {
  const observer = DIALECTS[dialect].createObserver(NO_REQUEST_FACTS)
  restore(observer, state)
  const verdict = observer.frame(bytes, 0, bytes.length)
  return { verdict, state: stateOf(observer), bytes: used(bytes, dialect, use) }
}

function used(bytes: Uint8Array, dialect: DialectName, use: FrameOrder["use"]): Uint8Array | null {
  if (use.is === "pass") return null
  if (use.is === "rename") return new ModelName(use.name).frames(bytes)
  return smallFrames(readFields(bytes, 0, bytes.length), dialect, use.seen)
}
