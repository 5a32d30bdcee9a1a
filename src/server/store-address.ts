/** Where the shared state is, as connections to it need it. */
import type { StateConfig } from "../config/config.ts"
import { readTextFile } from "../config/read/sources.ts"
import type { StoreAddress } from "../governance/redis/link.ts"

/** Null: this process keeps its state to itself. Throws an `Error` where a certificate cannot be read any more. */
export function storeAddress({ driver, url, tls }: StateConfig): StoreAddress | null {
  if (driver === "memory" || url === undefined) return null
  if (tls === undefined) return { url }
  const { ca_file: ca, cert_file: cert, key_file: key } = tls
  return {
    url,
    tls: {
      ...(ca === undefined ? {} : { ca: readTextFile(ca) }),
      ...(cert === undefined ? {} : { cert: readTextFile(cert) }),
      ...(key === undefined ? {} : { key: readTextFile(key) }),
    },
  }
}
