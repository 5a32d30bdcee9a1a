/** Why a script gave no decision. */

/** A closed list. */
export type ScriptFaultKind =
  /** It computed for too long. */
  | "deadline"
  | "memory"
  /** What it asked to read does not fit into its memory. */
  | "too-large"
  | "stack"
  /** It threw, or its promise was rejected. */
  | "threw"
  /** Its promise can never be settled. */
  | "never-settles"
  /** It waited for too long. */
  | "timeout"
  /** The sandbox was torn down under it, because another call had ruined it. */
  | "interrupted"
  /** It failed so often that it is not run for a while. */
  | "benched"

/** Says what happened and where, never what the script says: that may be a part of a prompt. */
export class ScriptFault extends Error {
  readonly kind: ScriptFaultKind
  /** E.g. `TypeError`; null where nothing was thrown. */
  readonly errorName: string | null

  constructor(kind: ScriptFaultKind, errorName: string | null = null) {
    super(errorName === null ? kind : `${kind}: ${errorName}`)
    this.name = "ScriptFault"
    this.kind = kind
    this.errorName = errorName
  }
}

const NAMES: ReadonlySet<string> = new Set(
  "Error TypeError RangeError SyntaxError ReferenceError EvalError URIError AggregateError InternalError FetchError".split(
    " ",
  ),
)

/** Of the sandbox's own `~` answer. */
export function faultOf(json: string): ScriptFault {
  const { name, engine } = JSON.parse(json) as { readonly name: string; readonly engine: string }
  if (engine === "out of memory") return new ScriptFault("memory")
  if (engine === "stack overflow") return new ScriptFault("stack")
  if (engine === "interrupted") return new ScriptFault("deadline")
  return new ScriptFault("threw", NAMES.has(name) ? name : "Error")
}
