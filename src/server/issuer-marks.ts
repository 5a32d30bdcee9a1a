/** What clients see of issuers in sealed reasoning: labels hashed with the secret of the installation, once that is known. */
import type { IssuerMarks } from "../config/compile/target-facts.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Random } from "../system/random.ts"

const SECRET_CHARS = 64
const MARK_CHARS = 22
const AGAIN_MS = 5000

export class InstallationMarks implements IssuerMarks {
  readonly #marks = new Map<string, string>()
  #secret: string | null = null
  #timer: Timer | null = null

  /** Until the secret is known (the usage database is away at the start) the label stands for itself. */
  of(label: string): string {
    if (this.#secret === null) return label
    let mark = this.#marks.get(label)
    if (mark === undefined) {
      mark = new Bun.CryptoHasher("sha256", this.#secret).update(label).digest("base64url").slice(0, MARK_CHARS)
      this.#marks.set(label, mark)
    }
    return mark
  }

  /** As `of`, for texts of which there are many; null until the secret is known. */
  pseudonymOf(text: string): string | null {
    if (this.#secret === null) return null
    return new Bun.CryptoHasher("sha256", this.#secret)
      .update(`end user ${text}`)
      .digest("base64url")
      .slice(0, MARK_CHARS)
  }

  /** Asks for the secret until it comes. Resolves after the first answer, whatever it is. */
  async learn(
    store: Pick<LedgerStore, "installationSecret">,
    clock: Clock,
    random: Pick<Random, "hex">,
  ): Promise<void> {
    try {
      this.#secret = await store.installationSecret(random.hex(SECRET_CHARS))
    } catch {
      // the ledger itself says that it is away
      this.#timer = clock.after(AGAIN_MS, () => void this.learn(store, clock, random))
      this.#timer.unref()
    }
  }

  close(): void {
    this.#timer?.close()
  }
}
