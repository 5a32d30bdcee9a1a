/** A file as the body of an answer: written as fast as the client takes it. */
import type { Outgoing, Writer } from "../../pipeline/message.ts"
import type { Answer } from "./operation.ts"

/** When a part cannot be made, the connection is cut: nobody takes the beginning for the whole. */
export function fileOf({ name, parts }: Extract<Answer, { readonly is: "file" }>, type: string): Outgoing {
  const headers = {
    "content-type": `${type}; charset=utf-8`,
    "content-disposition": `attachment; filename="${name}"`,
  }
  return { status: 200, headers, body: { pump: (writer) => pump(parts, writer) } }
}

async function pump(parts: AsyncIterable<string>, writer: Writer): Promise<void> {
  for await (const part of parts) {
    if (part !== "") writer.write(Buffer.from(part))
    if (writer.isFull()) await writer.drained()
  }
}
