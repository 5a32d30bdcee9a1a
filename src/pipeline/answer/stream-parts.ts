/** What the reading of an upstream's stream needs to know of the request behind it. */
import type { RequestFacts } from "../../dialects/dialect.ts"
import type { OutputMeter } from "../../dialects/output-meter.ts"
import type { RouterError } from "../../errors.ts"
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { Loop } from "../../system/loop.ts"
import type { UpstreamAnswer } from "../../upstream/answer.ts"
import type { Apart } from "../apart/apart.ts"
import type { Attempt } from "../call/attempt.ts"
import type { Life } from "../call/life.ts"
import type { Copy } from "../../cache/copy.ts"
import type { Growth } from "../limits/growth.ts"

export interface StreamParts {
  readonly answer: UpstreamAnswer
  readonly attempt: Attempt
  /** Of the request, by which clients find the call again. */
  readonly id: string
  readonly facts: RequestFacts
  /** The model name that clients are shown; null: the upstream's own. */
  readonly shown: string | null
  readonly maxFrameBytes: number
  readonly life: Life
  readonly clock: Clock
  readonly log: Log
  readonly loop: Pick<Loop, "turn">
  readonly apart: Apart
  readonly callerId: string
  /** Takes what comes, for the response cache; null: nothing of it is kept. */
  readonly copy: Copy | null
  /** Makes the watch over what the stream reserves; null: it reserves nothing. `stop` ends the stream. */
  readonly grow: ((meter: OutputMeter, stop: (error: RouterError) => void) => Growth) | null
}
