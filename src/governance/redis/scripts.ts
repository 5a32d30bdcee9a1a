/** The scripts that the store runs; each is one atomic step. */
import admit from "./admit.lua" with { type: "text" }
import book from "./book.lua" with { type: "text" }
import checks from "./checks.lua" with { type: "text" }
import correct from "./correct.lua" with { type: "text" }
import expired from "./expired.lua" with { type: "text" }
import finish from "./finish.lua" with { type: "text" }
import noted from "./noted.lua" with { type: "text" }
import recount from "./recount.lua" with { type: "text" }
import extend from "./extend.lua" with { type: "text" }
import look from "./look.lua" with { type: "text" }
import renew from "./renew.lua" with { type: "text" }
import restore from "./restore.lua" with { type: "text" }
import settle from "./settle.lua" with { type: "text" }
import since from "./since.lua" with { type: "text" }
import subject from "./subject.lua" with { type: "text" }
import view from "./view.lua" with { type: "text" }

export interface Script {
  readonly text: string
  /** What EVALSHA names it by. */
  readonly sha1: string
}

export const ADMIT: Script = script(subject, checks, admit)
export const EXTEND: Script = script(subject, checks, extend)
export const SETTLE: Script = script(subject, settle)
export const BOOK: Script = script(subject, book)
export const EXPIRED: Script = script(subject, expired)
export const CORRECT: Script = script(subject, correct)
export const RENEW: Script = script(subject, renew)
export const RESTORE: Script = script(subject, since, restore)
export const LOOK: Script = script(subject, since, look)
export const RECOUNT: Script = script(subject, recount)
export const NOTED: Script = script(subject, noted)
export const FINISH: Script = script(subject, finish)
export const VIEW: Script = script(subject, checks, view)
export const ALL_SCRIPTS: readonly Script[] = [
  ADMIT,
  EXTEND,
  SETTLE,
  BOOK,
  EXPIRED,
  CORRECT,
  RENEW,
  RESTORE,
  LOOK,
  RECOUNT,
  NOTED,
  FINISH,
  VIEW,
]
/** Does the store take writes? */
export const PROBE: Script = script("return redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)")

export function script(...parts: readonly string[]): Script {
  // without keys there is nothing to do: the script is only to be known
  const text = ["if #KEYS == 0 then return 0 end", ...parts].join("\n")
  return { text, sha1: new Bun.CryptoHasher("sha1").update(text).digest("hex") }
}
