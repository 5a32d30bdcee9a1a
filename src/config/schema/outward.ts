/** Keys of `server:` about what clients are, and what they see of the router. */
import { block, byDefault, choice, flag, list, nullByDefault, pattern, type Shape } from "./field.ts"
import { cidr, headerName } from "./forms.ts"

const PUBLIC_URL = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/
const ORIGIN = /^(\*|https?:\/\/[^\s/?#@]+)$/

export const outward: Shape = {
  public_url: nullByDefault(
    pattern(
      PUBLIC_URL,
      "an address such as https://router.example.com",
      "The address at which clients reach the router, where a proxy stands in front. Error answers then carry `doc_url`, which leads to their entry in the page about errors; `check` prints links to this page.",
      { resolved: "none" },
    ),
  ),
  cors: byDefault(
    block(
      {
        allow_origins: byDefault(
          list(
            pattern(ORIGIN, "an origin such as https://app.example.com, or *", "An origin."),
            "Origins of browser pages that may call.",
          ),
          [],
        ),
      },
      "Calls from browser pages.",
      { name: "CorsConfig" },
    ),
    {},
  ),
  responses: byDefault(
    block(
      {
        model_identity: byDefault(
          choice(
            ["upstream", "requested_group"],
            "Which name answers carry in `model`: what the upstream says, or what the client asked for.",
          ),
          "upstream",
        ),
      },
      "Settings of answers.",
      { name: "ResponsesConfig" },
    ),
    {},
  ),
  client_ip: byDefault(
    block(
      {
        trusted_proxy_cidrs: byDefault(list(cidr, "Proxies whose forwarding headers count."), []),
        header_order: byDefault(list(headerName, "The headers to look at, first to last."), [
          "X-Forwarded-For",
          "X-Real-IP",
        ]),
        store_ip: byDefault(flag("Record the address of the client."), true),
      },
      "The address of the client.",
      { name: "ClientIpConfig" },
    ),
    {},
  ),
}
