// For each rule of the Espruino subset, code that Espruino gets wrong and code for the same purpose that it gets right.
// Each sets `result`, in Node always to true. test/espruino.test.ts runs them on the interpreter.

export interface SubsetCase {
  rule: string
  what: string
  bad: string
  good: string
}

export const subsetCases: SubsetCase[] = [
  {
    rule: 'keywords',
    what: 'var',
    bad: 'function f() { if (false) { var a = 1 } return a === undefined }; result = f();',
    good: 'function f() { let a; if (false) { a = 1 } return a === undefined }; result = f();',
  },
  {
    rule: 'keywords',
    what: 'async function',
    bad: 'const f = async () => 1; result = typeof f().then === "function";',
    good: 'const f = () => Promise.resolve(1); result = typeof f().then === "function";',
  },
  {
    rule: 'keywords',
    what: 'generator',
    bad: 'function* f() { return 1 }; result = f().next().value === 1;',
    good: 'function f() { return { next: () => ({ value: 1 }) } }; result = f().next().value === 1;',
  },
  {
    rule: 'parameters',
    what: 'default value',
    bad: 'const f = (a, b = 2) => a + b; result = f(1) === 3;',
    good: 'const f = (a, b) => a + (b === undefined ? 2 : b); result = f(1) === 3;',
  },
  {
    rule: 'parameters',
    what: 'rest element',
    bad: 'const f = function (a, ...more) { return more.length }; result = f(1, 2, 3) === 2;',
    good: 'const f = function () { return arguments.length - 1 }; result = f(1, 2, 3) === 2;',
  },
  {
    rule: 'parameters',
    what: 'spread',
    bad: 'result = Math.max(...[1, 2]) === 2;',
    good: 'result = Math.max.apply(Math, [1, 2]) === 2;',
  },
  {
    rule: 'parameters',
    what: 'destructuring',
    bad: 'const { a } = { a: 1 }; result = a === 1;',
    good: 'const a = { a: 1 }.a; result = a === 1;',
  },
  {
    rule: 'operators',
    what: '?.',
    bad: 'const a = undefined; result = a?.b === undefined;',
    good: 'const a = undefined; result = (a === undefined ? undefined : a.b) === undefined;',
  },
  { rule: 'operators', what: '**', bad: 'result = 2 ** 3 === 8;', good: 'result = 2 * 2 * 2 === 8;' },
  {
    rule: 'operators',
    what: '??=',
    bad: 'let a = null; a ??= 1; result = a === 1;',
    good: 'let a = null; a = a ?? 1; result = a === 1;',
  },
  {
    rule: 'operators',
    what: '||=',
    bad: 'let a = 0; a ||= 1; result = a === 1;',
    good: 'let a = 0; a = a || 1; result = a === 1;',
  },
  {
    rule: 'classes',
    what: '#a',
    bad: 'class A { #a = 1; get() { return this.#a } }; result = new A().get() === 1;',
    good: 'class A { a = 1; get() { return this.a } }; result = new A().get() === 1;',
  },
  {
    rule: 'classes',
    what: 'extends Error',
    bad: 'class A extends Error { constructor() { super("x") } }; result = new A() instanceof A;',
    good: 'class B { constructor() { this.x = 1 } }; class A extends B {}; result = new A() instanceof A;',
  },
  {
    rule: 'literals',
    what: 'tagged template',
    bad: 'const tag = (parts) => parts[0]; result = tag`a` === "a";',
    good: 'const tag = (text) => text; result = tag(`a`) === "a";',
  },
  {
    rule: 'literals',
    what: 'computed key',
    bad: 'const k = "a"; result = { [k]: 1 }.a === 1;',
    good: 'const k = "a"; const o = {}; o[k] = 1; result = o.a === 1;',
  },
  {
    rule: 'literals',
    what: 'BigInt literal',
    bad: 'result = 1n < 2;',
    good: 'result = 1 < 2;',
  },
  {
    rule: 'literals',
    what: 'lookahead or named group in a regular expression',
    bad: 'result = /a(?=b)/.test("ab") && !/a(?=b)/.test("ac");',
    good: 'result = /ab/.test("ab") && !/ab/.test("ac");',
  },
  {
    rule: 'control',
    what: 'label',
    bad: 'let n = 0; outer: for (let i = 0; i < 3; i++) { for (;;) { n++; continue outer } }; result = n === 3;',
    good: 'let n = 0; for (let i = 0; i < 3; i++) { for (;;) { n++; break } }; result = n === 3;',
  },
  {
    rule: 'control',
    what: 'case after default',
    bad: 'let n = 0; switch (1) { default: n = 1; break; case 1: n = 2 }; result = n === 2;',
    good: 'let n = 0; switch (1) { case 1: n = 2; break; default: n = 1 }; result = n === 2;',
  },
  {
    rule: 'loop closures',
    what: "a function sees the loop's i",
    bad: 'const all = []; for (let i = 0; i < 3; i++) all.push(() => i); result = all[0]() === 0;',
    good: 'const all = []; for (let i = 0; i < 3; i++) { const own = i; all.push(() => own) }; result = all[0]() === 0;',
  },
  {
    rule: 'definition order',
    what: 'f may run before what it needs is defined',
    bad: 'result = f() === 1; function f() { return 1 };',
    good: 'function f() { return 1 }; result = f() === 1;',
  },
  {
    rule: 'definition order',
    what: 'f may run before what it needs is defined',
    bad: 'function f() { return g() }; result = f() === 1; function g() { return 1 };',
    good: 'function f() { return g() }; function g() { return 1 }; result = f() === 1;',
  },
  {
    rule: 'definition order',
    what: 'g may run before what it needs is defined',
    bad: 'function f() { const a = g(); function g() { return 1 }; return a }; result = f() === 1;',
    good: 'function f() { function g() { return 1 }; const a = g(); return a }; result = f() === 1;',
  },
  {
    rule: 'semicolons',
    what: 'statement without its semicolon',
    bad: 'function f() { return\n1 }; result = f() === undefined;',
    good: 'function f() { return; }; result = f() === undefined;',
  },
]
