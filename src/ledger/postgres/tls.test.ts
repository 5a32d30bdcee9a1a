import { describe, expect, test } from "bun:test"
import path from "node:path"
import { rejectionOf } from "../../../test/helpers/ledger.ts"
import { postgresState } from "../../../test/helpers/ledger-drivers.ts"
import { noPostgres, startPostgres } from "../../../test/helpers/postgres.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"

const TLS = path.resolve(import.meta.dir, "../../../test/fixtures/tls")
const CERTIFICATE = path.join(TLS, "localhost-certificate-for-tests.pem")
const KEY = path.join(TLS, "localhost-key-for-tests.pem")
const SPOKEN =
  "SELECT DISTINCT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'smart-router'"

describe.skipIf(noPostgres !== null)(`postgres${noPostgres === null ? "" : ` (${noPostgres})`}`, () => {
  test("sslmode means what it means to PostgreSQL's own tools", async () => {
    await using server = await startPostgres({ certificate: CERTIFICATE, key: KEY })
    const dsn = (await server.schema()).replace("127.0.0.1", "localhost")
    const cases = [
      ["", "false"],
      ["&sslmode=disable", "false"],
      ["&sslmode=require", "true"],
      [`&sslmode=verify-ca&sslrootcert=${CERTIFICATE}`, "true"],
      [`&sslmode=verify-full&sslrootcert=${CERTIFICATE}`, "true"],
    ] as const
    for (const [index, [mode, ssl]] of cases.entries()) {
      await using state = postgresState(dsn)
      const ledger = await state.open({ dsn: dsn + mode })
      await ledger.record(sampleCall(0, index))
      expect([mode, await state.rows(SPOKEN)]).toEqual([mode, [{ ssl }]])
    }
    await using state = postgresState(dsn)
    const refusal = { message: expect.stringContaining("The usage database cannot be opened: the connection failed") }
    expect(await rejectionOf(state.open({ dsn: `${dsn}&sslmode=verify-full` }))).toMatchObject(refusal)
    const elsewhere = dsn.replace("localhost", "127.0.0.1")
    const otherName = `${elsewhere}&sslmode=verify-full&sslrootcert=${CERTIFICATE}`
    expect(await rejectionOf(state.open({ dsn: otherName }))).toMatchObject(refusal)
  })
})
