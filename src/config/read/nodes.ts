import { isCollection, isNode, isPair, type Node } from "yaml"

/**
 * A node and all below it, as they stand in the file. The library's `visit` copies the path to each node, which takes time
 * by the square of the depth.
 */
export function* nodesOf(root: Node | null): Generator<Node> {
  const left: unknown[] = [root]
  while (left.length > 0) {
    const each = left.pop()
    if (isPair(each)) left.push(each.value, each.key)
    if (isCollection(each)) for (const item of each.items.toReversed()) left.push(item)
    if (isNode(each)) yield each
  }
}
