/** Certificates for a server with a private authority, or one that asks for a certificate. */
import type { z } from "zod"
import { block, optional, withRules } from "./field.ts"
import { file } from "./forms.ts"

/** `whose`: as in "the authority that signed …". */
export function tlsFiles(whose: string, name: string): z.ZodType {
  return withRules(
    block(
      {
        ca_file: optional(file(`Certificates of the authority that signed ${whose}, in PEM.`)),
        cert_file: optional(file("The client certificate, in PEM.")),
        key_file: optional(file("The key of the client certificate, in PEM.")),
      },
      "A private authority and a client certificate.",
      { name },
    ),
    ({ cert_file, key_file }) =>
      (cert_file === undefined) === (key_file === undefined)
        ? null
        : { path: [], message: "cert_file and key_file belong together: one is missing." },
  )
}
