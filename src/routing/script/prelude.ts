/**
 * What stands in a sandbox before the script: a JavaScript text, since it runs inside.
 *
 * Nothing may leak from one call into the next. So every object that the language itself provides is frozen, there is no
 * global variable that a script could set, and the script's module is evaluated anew for each call.
 *
 * Answers of `start` and `resume` begin with one letter: `=` a decision as JSON, `~` an error as JSON, `?` not yet.
 */
/** What a sandbox asks its host for. */
export const ASKED = { text: 1, request: 2, counts: 3, fetch: 4, done: 5, quotedText: 6 } as const

export const PRELUDE: string = `(function (host, statics, evaluate) {
"use strict"
const { parse, stringify } = JSON
const { freeze, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, create } = Object
const { ownKeys, apply } = Reflect
const MapOf = Map, IteratorOf = Iterator, PromiseOf = Promise, ErrorOf = Error, WeakSetOf = WeakSet, text = String
const isInternal = typeof InternalError === "function" ? (e) => e instanceof InternalError : () => false
const then = PromiseOf.prototype.then

// libraries write toString, name and the like on their own objects; behind a frozen prototype that would fail
function overridable(proto, names) {
  for (const name of names) {
    const found = getOwnPropertyDescriptor(proto, name)
    if (found === undefined || !("value" in found)) continue
    const { value } = found
    defineProperty(proto, name, {
      configurable: false, enumerable: false,
      get() { return value },
      set(next) {
        if (this === proto) throw new TypeError("what the language provides cannot be changed")
        defineProperty(this, name, { value: next, writable: true, enumerable: true, configurable: true })
      },
    })
  }
}
overridable(Object.prototype, ["constructor", "toString", "valueOf", "toLocaleString", "hasOwnProperty"])
for (const kind of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError])
  overridable(kind.prototype, ["name", "message", "toString", "constructor"])
overridable(Function.prototype, ["toString", "constructor"])

function harden(root) {
  const seen = new WeakSetOf()
  const todo = [root]
  const add = (value) => {
    if ((typeof value === "object" && value !== null) || typeof value === "function") {
      if (!seen.has(value)) { seen.add(value); todo.push(value) }
    }
  }
  add(root)
  for (let value = todo.pop(); value !== undefined; value = todo.pop()) {
    add(getPrototypeOf(value))
    for (const key of ownKeys(value)) {
      const found = getOwnPropertyDescriptor(value, key)
      if (found === undefined) continue
      add(found.value); add(found.get); add(found.set)
    }
    freeze(value)
  }
}
// its callbacks would run in whichever call the engine tidies up
delete globalThis.FinalizationRegistry
// reached by syntax only
harden(async function () {}); harden(function* () {}); harden(async function* () {})
harden(async () => {}); harden(() => {}); harden(class {})
harden([][Symbol.iterator]()); harden(new Map()[Symbol.iterator]()); harden(new Set()[Symbol.iterator]())
harden(""[Symbol.iterator]()); harden("".matchAll(/x/g))
harden([].values().map((value) => value)); harden(IteratorOf.from({ next() {} })); harden(IteratorOf.concat([]))
;(function () { harden(arguments) })()
const fixed = parse(statics)
harden(fixed)
harden(globalThis)

const waiting = new MapOf()
const has = MapOf.prototype.has, take = MapOf.prototype.get, put = MapOf.prototype.set, drop = MapOf.prototype.delete

class Context {
  #id; #json; #call; #text; #request; #hasText = false; #hasRequest = false
  constructor(json, places, id) {
    this.#id = id
    this.#json = json
    this.group = fixed.group
    if (fixed.contract !== undefined) this.contract = fixed.contract
    defineProperty(this, "caller", Context.caller)
    defineProperty(this, "context", Context.context)
    this.targets = places === "" ? fixed.targets : freeze(parse(places).map((index) => fixed.targets[index]))
  }
  // many scripts need neither, but who copies the context gets both
  static caller = { enumerable: true, get() { return this.#known().caller } }
  static context = { enumerable: true, get() { return this.#known().context } }
  #known() {
    if (this.#call === undefined) {
      this.#call = parse(this.#json)
      if (this.#call.context.textChars === undefined) countWhenAsked(this.#call.context, this.#id)
    }
    return this.#call
  }
  get text() {
    if (!this.#hasText) {
      const text = host(${ASKED.text}, this.#id)
      this.#text = text === undefined ? parse(host(${ASKED.quotedText}, this.#id)) : text
      this.#hasText = true
    }
    return this.#text
  }
  get request() {
    if (!this.#hasRequest) { this.#request = parse(host(${ASKED.request}, this.#id)); this.#hasRequest = true }
    return this.#request
  }
}
function countWhenAsked(context, id) {
  let counts
  const count = () => counts ?? (counts = parse(host(${ASKED.counts}, id)))
  defineProperty(context, "messageCount", { enumerable: true, get() { return count().messageCount } })
  defineProperty(context, "textChars", { enumerable: true, get() { return count().textChars } })
}
class Router {
  #id
  constructor(id) { this.#id = id; freeze(this) }
  fetchJSON(url, init) {
    const number = host(${ASKED.fetch}, this.#id, text(url), stringify(init === undefined ? {} : init) ?? "{}")
    if (typeof number === "string") return PromiseOf.reject(failure(number))
    return new PromiseOf((resolve, reject) => { apply(put, waiting, [number, { resolve, reject }]) })
  }
}
// else a script could make a context of another call that is waiting
for (const kind of [Context, Router]) defineProperty(kind.prototype, "constructor", { value: undefined })
harden(Context); harden(Context.prototype); harden(Router); harden(Router.prototype); harden(countWhenAsked)

function failure(code) {
  const error = new ErrorOf("router.fetchJSON: " + code)
  error.name = "FetchError"
  error.code = code
  return error
}
function answer(value) {
  let json
  try { json = stringify(value) } catch { return "=" }
  return "=" + (json === undefined ? "" : json)
}
function problem(error) {
  const known = { name: "", engine: "", stack: "" }
  try {
    known.name = text(error.name)
    if (isInternal(error)) known.engine = text(error.message)
    known.stack = text(error.stack)
  } catch {}
  return "~" + stringify(known)
}
function start(json, places, id) {
  let route
  try {
    evaluate((script) => { route = script }, new Router(id))
    const result = route(new Context(json, places, id))
    if (typeof result !== "object" || result === null || typeof result.then !== "function") return answer(result)
    apply(then, PromiseOf.resolve(result), [
      (value) => { host(${ASKED.done}, id, answer(value)) },
      (error) => { host(${ASKED.done}, id, problem(error)) },
    ])
    return "?"
  } catch (error) { return problem(error) }
}
function resume(number, json) {
  const entry = apply(take, waiting, [number])
  if (entry === undefined) return "?"
  apply(drop, waiting, [number])
  try {
    const result = parse(json)
    if (typeof result.error === "string") entry.reject(failure(result.error))
    else entry.resolve(result)
  } catch (error) { entry.reject(error) }
  return "?"
}
function forget(number) {
  apply(drop, waiting, [number])
  return "?"
}
function probe() {
  let route
  try { evaluate((script) => { route = script }, new Router(-1)) } catch (error) { return problem(error) }
  return typeof route === "function" ? "=" : "?"
}
return (what, first, second, third) =>
  what === "start" ? start(first, second, third) : what === "resume" ? resume(first, second)
    : what === "forget" ? forget(first) : probe()
})`
