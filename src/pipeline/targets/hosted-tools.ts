/** Tools that the provider executes, where the group does not simply let them pass. */
import { scanObject } from "../../json/scan.ts"
import { mayDeclareHosted, withoutHosted, type Rule } from "../apart/hosted-tools.ts"
import { isLargeBody } from "../apart/large.ts"
import type { AdmittedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { rescan } from "../intake/sliced-scan.ts"

type Working = Pick<Gateway, "apart" | "loop">

/**
 * `strip` takes them out of the request's body, and touches nothing else of it. At once where the body is small.
 * @throws RouterError `provider-hosted-tools-forbidden`; `invalid-request` where the body cannot be understood
 */
export function governHostedTools(call: AdmittedCall, gateway: Working): void | Promise<void> {
  const { request, group } = call
  const { body, dialect } = request
  const rule = group.hostedTools
  if (rule === "pass" || !mayDeclareHosted(body, dialect.name)) return
  if (isLargeBody(body)) return governApart(call, rule, gateway)
  const stripped = withoutHosted(body, request.decode(), dialect.name, rule)
  if (stripped !== null) request.rewrite(scanObject(stripped, Infinity))
}

async function governApart({ id, request, credential }: AdmittedCall, rule: Rule, gateway: Working): Promise<void> {
  const order = { dialect: request.dialect.name, rule }
  const stripped = await gateway.apart.run("governTools", credential.caller.id, [request.body.bytes], order)
  if (stripped !== null) request.rewrite(await rescan(stripped, id, gateway))
}
