// Cuts secretbox out of the tweetnacl package at build time: a board has no room for the rest of it. The text stays the
// package's own, declaration by declaration, but for repetitions that are folded; test/nacl-cut.test.ts compares it with
// the whole package.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AnyNode, type Program, parse } from 'acorn'
import { childrenOf } from './syntax-tree.ts'

/** A top-level declaration of the package, as the cut writes it. */
interface Piece {
  /** Position in the package, so that the cut keeps its order. */
  at: number
  text: string
  /** Names of the package's other declarations that it uses. */
  uses: Set<string>
}

/** What protocol/seal.ts calls. */
const wanted = ['nacl.secretbox', 'nacl.secretbox.open']

// See to it that arguments are Uint8Arrays, key and nonce of the right length: in this project the compiler and the only
// caller (protocol/seal.ts, firmware/settings.ts) do.
const dropped = ['checkArrayTypes', 'checkLengths']

// Reading and writing words is spelled out sixteen times each in the package; called instead, it spares 1.4 KB.
const words = `function load32(x, i) {
  return x[i] | x[i + 1] << 8 | x[i + 2] << 16 | x[i + 3] << 24;
}
function store32(x, i, u) {
  x[i] = u & 255;
  x[i + 1] = u >>> 8 & 255;
  x[i + 2] = u >>> 16 & 255;
  x[i + 3] = u >>> 24 & 255;
}
function load16(x, i) {
  return x[i] | x[i + 1] << 8;
}
`
const loadPattern =
  /(\w+)\[ *(\d+)\] & 0xff \| \(\1\[ *\d+\] & 0xff\)<<8 \| \(\1\[ *\d+\] & 0xff\)<<16 \| \(\1\[ *\d+\] & 0xff\)<<24/g
const storePattern =
  /o\[ *(\d+)\] = (x\d+) >>> +0 & 0xff;\s+o\[ *\d+\] = \2 >>> +8 & 0xff;\s+o\[ *\d+\] = \2 >>> 16 & 0xff;\s+o\[ *\d+\] = \2 >>> 24 & 0xff;/g

/** Calls `load32` and `store32` where the text of the package's core spells them out. */
function withWords(core: string): string {
  const text = core.replace(loadPattern, 'load32($1, $2)').replace(storePattern, 'store32(o, $1, $2);')
  if (text.split('load32').length !== 17 || text.split('store32').length !== 17) {
    throw new Error('core_salsa20 is not spelled as in tweetnacl 1.0.3')
  }
  return text
}

/** What is spelled out in a declaration, how often, and what says the same in less. */
const folds: { [name: string]: { pattern: RegExp; times: number; by: string }[] } = {
  poly1305: [
    {
      pattern: /(?:\s*this\.pad\[\d\] = key\[\d+\] & 0xff \| \(key\[\d+\] & 0xff\) << 8;){8}/g,
      times: 1,
      by: ' for (let i = 0; i < 8; i++) this.pad[i] = load16(key, 16 + 2 * i);',
    },
    { pattern: /key\[ *(\d+)\] & 0xff \| \(key\[ *\d+\] & 0xff\) << 8/g, times: 8, by: 'load16(key, $1)' },
  ],
  'poly1305.prototype.blocks': [
    {
      pattern: /m\[mpos\+ *(\d+)\] & 0xff \| \(m\[mpos\+ *\d+\] & 0xff\) << 8/g,
      times: 8,
      by: 'load16(m, mpos + $1)',
    },
  ],
  'poly1305.prototype.finish': [
    {
      pattern: /(?:\s*mac\[macpos\+ *\d+\] = \(this\.h\[\d\] >>> [08]\) & 0xff;){16}/g,
      times: 1,
      by: ' for (i = 0; i < 16; i++) mac[macpos + i] = h[i >> 1] >>> 8 * (i & 1) & 0xff;',
    },
    { pattern: /this\.h\[/g, times: 45, by: 'h[' },
    { pattern: /let c, mask, f, i;/g, times: 1, by: 'let c, mask, f, i, h = this.h;' },
  ],
}

/** @throws Error when a declaration is not spelled as in tweetnacl 1.0.3 */
function folded(name: string, text: string): string {
  return (folds[name] ?? []).reduce((before, { pattern, times, by }) => {
    const found = before.match(pattern)?.length ?? 0
    if (found !== times) throw new Error(`${name} has ${pattern} ${found} times, not ${times}: not tweetnacl 1.0.3`)
    return before.replace(pattern, by)
  }, text)
}

// HSalsa20 is the rounds of Salsa20 without the addition of its input at the end (Bernstein, "Extending the Salsa20
// nonce", section 2). The package has the rounds twice for speed; subtracting the input again spares 2 KB.
const own: { [name: string]: string } = {
  core_hsalsa20: `function core_hsalsa20(o, p, k, c) {
  let x = new Uint8Array(64);
  core_salsa20(x, p, k, c);
  for (let word = 0; word < 4; word++) {
    let borrowC = 0, borrowP = 0;
    for (let i = word * 4; i < word * 4 + 4; i++) {
      let diagonal = x[word * 16 + i] - c[i] - borrowC;
      let middle = x[24 + i] - p[i] - borrowP;
      o[i] = diagonal & 255;
      o[16 + i] = middle & 255;
      borrowC = diagonal >> 8 & 1;
      borrowP = middle >> 8 & 1;
    }
  }
}`,
}

/** Text of the package's fast form. */
export function readNacl(): string {
  return readFileSync(createRequire(import.meta.url).resolve('tweetnacl/nacl-fast.js'), 'utf8')
}

function namesIn(node: AnyNode): Set<string> {
  const names = new Set<string>()
  const visit = (inner: AnyNode) => {
    if (inner.type === 'Identifier') names.add(inner.name)
    childrenOf(inner).forEach(visit)
  }
  visit(node)
  return names
}

/** Source of a node, with `var` made `let` (Espruino has no hoisting of `var`) and calls of what is dropped left out. */
function textOf(source: string, node: AnyNode): string {
  const edits: { from: number; to: number; text: string }[] = []
  const visit = (inner: AnyNode) => {
    if (inner.type === 'VariableDeclaration' && inner.kind === 'var') {
      edits.push({ from: inner.start, to: inner.start + 3, text: 'let' })
    }
    if (inner.type === 'ExpressionStatement' && inner.expression.type === 'CallExpression') {
      const callee = inner.expression.callee
      if (callee.type === 'Identifier' && dropped.includes(callee.name)) {
        edits.push({ from: inner.start, to: inner.end, text: '' })
        return
      }
    }
    childrenOf(inner).forEach(visit)
  }
  visit(node)
  let text = source.slice(node.start, node.end)
  for (const { from, to, text: by } of edits.sort((a, b) => b.from - a.from)) {
    text = text.slice(0, from - node.start) + by + text.slice(to - node.start)
  }
  return text
}

/** `nacl.secretbox.open` or `poly1305.prototype.blocks`; '' for a target that is not just names joined by dots. */
function targetName(node: AnyNode): string {
  if (node.type === 'Identifier') return node.name
  if (node.type !== 'MemberExpression' || node.property.type !== 'Identifier') return ''
  return `${targetName(node.object)}.${node.property.name}`
}

/** Every declaration of the package by its name; what is assigned to a member comes under the whole dotted name. */
function piecesOf(source: string): Map<string, Piece> {
  const program: Program = parse(source, { ecmaVersion: 2020 })
  const wrapper = program.body[0]
  if (wrapper?.type !== 'ExpressionStatement' || wrapper.expression.type !== 'CallExpression') {
    throw new Error('tweetnacl is not the one function that its version 1.0.3 is')
  }
  const callee = wrapper.expression.callee
  if (callee.type !== 'FunctionExpression')
    throw new Error('tweetnacl is not the one function that its version 1.0.3 is')
  const pieces = new Map<string, Piece>()
  for (const statement of callee.body.body) {
    if (statement.type === 'FunctionDeclaration') {
      const name = statement.id.name
      const whole = own[name] ?? textOf(source, statement)
      const text = name === 'core_salsa20' ? withWords(whole) : whole
      pieces.set(name, { at: statement.start, text, uses: namesIn(parse(text, { ecmaVersion: 2020 })) })
    } else if (statement.type === 'VariableDeclaration') {
      for (const { id, init, start } of statement.declarations) {
        if (id.type !== 'Identifier' || !init) continue
        const text = `const ${id.name} = ${folded(id.name, textOf(source, init))};`
        pieces.set(id.name, { at: start, text, uses: namesIn(init) })
      }
    } else if (statement.type === 'ExpressionStatement' && statement.expression.type === 'AssignmentExpression') {
      const { left, right } = statement.expression
      const name = targetName(left)
      const own = name.replace('nacl.', '')
      const text = `${own.includes('.') ? '' : 'const '}${own} = ${folded(name, textOf(source, right))};`
      pieces.set(name, { at: statement.start, text, uses: namesIn(right) })
    }
  }
  return pieces
}

/**
 * An ES module whose default export has `secretbox` and `secretbox.open` as tweetnacl has them, and nothing else.
 * That arguments are Uint8Arrays, key and nonce of the right size is not checked.
 * @throws Error when the package is not laid out as its version 1.0.3 is
 */
export function cutNacl(source = readNacl()): string {
  const pieces = piecesOf(source)
  const taken = new Set<string>()
  const take = (name: string): void => {
    const piece = pieces.get(name)
    if (piece === undefined || taken.has(name)) return
    taken.add(name)
    piece.uses.forEach(take)
    // A constructor's methods go with it.
    for (const other of pieces.keys()) if (other.startsWith(`${name}.prototype.`)) take(other)
  }
  for (const name of wanted) {
    if (!pieces.has(name)) throw new Error(`tweetnacl has no ${name}`)
    take(name)
  }
  for (const name of dropped) taken.delete(name)
  const texts = [...taken].map((name) => pieces.get(name)!).sort((a, b) => a.at - b.at)
  const text = `${words}${texts.map((piece) => piece.text).join('\n')}\nexport default { secretbox: secretbox };\n`
  // Two declarations of one name in a block, which `let` does not allow, would be found here.
  parse(text, { ecmaVersion: 2020, sourceType: 'module' })
  return text
}
