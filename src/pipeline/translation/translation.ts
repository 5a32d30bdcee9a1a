/** One attempt's way through the canonical form: the request as it is sent, and what turns the answer back. */
import { takenIds } from "../../canonical/call-ids.ts"
import { Losses, type Loss } from "../../canonical/loss.ts"
import type { Failure } from "../../canonical/reply.ts"
import { packNeeds, type AnswerNeeds } from "../../dialects/answer-needs.ts"
import type { Codec } from "../../dialects/codec.ts"
import type { Dialect, UpstreamFault } from "../../dialects/dialect.ts"
import type { WrittenShape } from "../../dialects/written-shape.ts"
import { maskSecrets, type Secrets } from "../../upstream/mask.ts"
import { CompactedStream } from "../apart/compaction.ts"
import { parseAnswer, turnAnswer, type Turn, type Turned, type Ways } from "../apart/whole-answers.ts"
import { StreamTranslation } from "./stream-translation.ts"

export interface Side {
  readonly codec: Codec
  readonly dialect: Dialect
}

export interface TranslationParts {
  /** The request for the target, in pieces. */
  readonly body: readonly Uint8Array[]
  /** What it asks for. */
  readonly shape: WrittenShape
  readonly client: Side
  readonly target: Side
  readonly needs: AnswerNeeds
  /** Those of the request. */
  readonly losses: readonly Loss[]
  readonly secrets: Secrets
}

const decoder = new TextDecoder()

interface Refusal {
  readonly status: number
  readonly bytes: Uint8Array
}

export class Translation {
  readonly body: readonly Uint8Array[]
  readonly shape: WrittenShape
  private readonly parts: TranslationParts
  private readonly replyLosses = new Losses()
  private streamed: StreamTranslation | null = null
  private packed: string | null

  /** `packedNeeds`: null where nothing has packed them yet. */
  constructor(parts: TranslationParts, packedNeeds: string | null) {
    this.body = parts.body
    this.shape = parts.shape
    this.parts = parts
    this.packed = packedNeeds
  }

  get requestBytes(): number {
    return this.body.reduce((sum, piece) => sum + piece.length, 0)
  }

  get requestLosses(): number {
    return this.parts.losses.length
  }

  /** Everything lost so far, each place once. */
  losses(): readonly Loss[] {
    const all = new Losses()
    all.addAll(this.parts.losses)
    all.addAll(this.replyLosses.list())
    if (this.streamed !== null) all.addAll(this.streamed.losses())
    return all.list()
  }

  /** A whole answer for the client, or what the upstream says instead of one. */
  turnAnswer(turn: Turn, bytes: Uint8Array): Uint8Array | UpstreamFault {
    return this.took(turnAnswer(turn, bytes, this.ways, this.parts.needs))
  }

  /** The same, made in another thread, which was given `packedNeeds`. */
  took({ answer, losses }: Turned): Uint8Array | UpstreamFault {
    this.replyLosses.addAll(losses)
    return answer
  }

  get ways(): Ways {
    return { client: this.parts.client.dialect.name, target: this.parts.target.dialect.name }
  }

  /** What the answer needs of the request, for another thread. */
  get packedNeeds(): string {
    return (this.packed ??= packNeeds(this.parts.needs))
  }

  /** The vendor's words about the request, in the client's shape. */
  refusal(status: number, bytes: Uint8Array, requestId: string): Refusal {
    const { client, target, secrets, needs } = this.parts
    const said = target.codec.readError(status, parseAnswer(bytes) ?? decoder.decode(bytes))
    const failure = withAskedOutput(said, needs.options.request.cap?.tokens)
    const words = maskSecrets(Buffer.from(JSON.stringify(client.codec.writeError(failure, requestId))), secrets)
    // agents heal only a 400
    return { status: failure.overflow === undefined ? status : 400, bytes: words }
  }

  stream(): StreamTranslation {
    const { client, target, needs, secrets } = this.parts
    const { context, options, compaction } = needs
    const reader = target.codec.createStreamReader(context)
    this.streamed = new StreamTranslation(
      compaction === null ? reader : new CompactedStream(reader, options.mint),
      client.codec.createStreamWriter(options),
      { dialect: client.dialect, secrets, ids: () => takenIds(options.request) },
    )
    return this.streamed
  }
}

/** Some servers say how much output there is, and not how much was asked for. */
function withAskedOutput(failure: Failure, asked: number | undefined): Failure {
  const { overflow } = failure
  if (overflow?.is !== "output" || overflow.outputTokens !== null || asked === undefined) return failure
  return { ...failure, overflow: { ...overflow, outputTokens: asked } }
}
