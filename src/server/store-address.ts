/** Where the shared state is, as connections to it need it. */
import { readFileSync } from "node:fs"
import type { StateConfig } from "../config/config.ts"
import type { StoreAddress } from "../governance/redis/link.ts"

/** Null: this process keeps its state to itself. Throws an `Error` where a certificate cannot be read any more. */
export function storeAddress({ driver, url, tls }: StateConfig): StoreAddress | null {
  if (driver === "memory" || url === undefined) return null
  if (tls === undefined) return { url }
  const { ca_file: ca, cert_file: cert, key_file: key } = tls
  return {
    url,
    tls: {
      ...(ca === undefined ? {} : { ca: read(ca) }),
      ...(cert === undefined ? {} : { cert: read(cert) }),
      ...(key === undefined ? {} : { key: read(key) }),
    },
  }
}

function read(file: string): string {
  return readFileSync(file, "utf8")
}
