/** What the filter for personal data took out of the request takes the place of its placeholders in the answer. */
import { restoreWhole, RestoringWriter } from "./answer/restore.ts"
import type { AdmittedCall } from "./call.ts"
import type { Originals } from "../pii/restore.ts"
import type { Gateway } from "./gateway.ts"
import type { Outgoing } from "./message.ts"

const WHOLE = 200

/** What is no answer stays as it is. */
export async function restore(
  outgoing: Outgoing,
  originals: Originals,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Outgoing> {
  const { body, status } = outgoing
  if (status !== WHOLE || typeof body === "string") return outgoing
  if (body instanceof Uint8Array) return { ...outgoing, body: await restoreWhole(body, originals, call, gateway) }
  return {
    ...outgoing,
    body: {
      pump: async (writer) => {
        const restoring = new RestoringWriter(writer, originals, call, gateway)
        await body.pump(restoring)
        await restoring.end()
      },
      keepAlive: () => body.keepAlive?.() ?? NOTHING,
    },
  }
}

const NOTHING = new Uint8Array(0)
