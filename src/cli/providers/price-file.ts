/** The operator's copy of a public price list. */
import { statSync } from "node:fs"
import { basename } from "node:path"
import type { PriceSource } from "../../catalogue/entry-lines.ts"
import type { ModelFacts } from "../../catalogue/model-facts.ts"
import { readPriceList, vendorOf, type PriceList } from "../../catalogue/price-list.ts"
import { readTextFile, whyUnreadable } from "../../config/read/sources.ts"
import { nearest } from "../../nearest.ts"
import { plain } from "../../bounded-text.ts"
import { UsageError } from "../command.ts"
import { ChangeRefused } from "../token/config-file.ts"

export interface Pricing {
  readonly pricedAs: (id: string) => ModelFacts | "other" | null
  readonly source: PriceSource
}

/** @throws ChangeRefused, UsageError */
export function pricingOf(
  file: string,
  { host, vendor }: { readonly host: string; readonly vendor: string | undefined },
): Pricing {
  const list = priceListIn(file)
  const name = vendor ?? vendorOf(host, list.form)
  if (name === null)
    throw new UsageError(
      `The host of the provider is of no vendor that is known, and prices of one vendor say nothing of another's: --prices-of VENDOR names whose prices hold here.`,
    )
  if (!list.vendors.includes(name)) {
    const meant = nearest(name, list.vendors)
    throw new UsageError(
      `The ${list.form} list has no vendor ${JSON.stringify(name)}.${meant === undefined ? "" : ` Did you mean ${JSON.stringify(meant)}?`}`,
    )
  }
  return {
    pricedAs: (id) => list.factsOf(name, id),
    source: { name: plain(`${list.form}: ${basename(file)} (${name})`, LONGEST_SOURCE), date: dayOf(file) },
  }
}

const LONGEST_SOURCE = 200

/** When the copy was made. */
function dayOf(file: string): string {
  return statSync(file).mtime.toISOString().slice(0, 10)
}

function priceListIn(file: string): PriceList {
  let list: PriceList | null
  try {
    list = readPriceList(JSON.parse(readTextFile(file)))
  } catch (error) {
    const why = error instanceof SyntaxError ? "it is no JSON" : whyUnreadable(error)
    throw new ChangeRefused(`${file} cannot be read as a price list: ${why}.`, { cause: error })
  }
  if (list !== null) return list
  throw new ChangeRefused(
    `${file} is no price list of a form that is known: LiteLLM (model_prices_and_context_window.json), models.dev (api.json), OpenRouter (api/v1/models).`,
  )
}
