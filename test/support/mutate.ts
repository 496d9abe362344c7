// XML spoilt by chance.

const tokens = [
  '<',
  '>',
  '</',
  '/>',
  '"',
  "'",
  '&',
  ';',
  '&#0;',
  '&#13;',
  '&amp;',
  '&#x110000;',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?',
  '?>',
  '<?xml version="1.0"?>',
  '<!DOCTYPE',
  '<sr:Header>',
  '</sr:Body>',
  '<ds:Signature>',
  '</ds:Signature>',
  ' xmlns="u:x"',
  ' xmlns:sr="u:x"',
  ' Id="x"',
  ' xml:space="preserve"',
  ':',
  '=',
  ' ',
  '\n',
  '\r',
  '\t',
  '\0',
  '9',
  '-',
  '\uFEFF',
  '\uFFFF',
  'é',
  '𝄞',
  'sr:',
  'ds:',
  'A'.repeat(300),
  '<a>'.repeat(40),
].map((token) => Buffer.from(token))

/** A copy with one to four changes: bytes altered, removed, repeated, moved, or tokens put in. */
export function mutate(bytes: Buffer, chance: () => number): Buffer {
  let text = bytes
  const below = (max: number) => Math.floor(chance() * max)
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(text.length)
    const end = Math.min(text.length, at + 1 + below(chance() < 0.5 ? 3 : 200))
    const [head, middle, tail] = [text.subarray(0, at), text.subarray(at, end), text.subarray(end)]
    const kinds = [
      () => [head, Buffer.of(below(256)), text.subarray(at + 1)],
      () => [head, Buffer.of(text[at]! ^ (1 << below(8))), text.subarray(at + 1)],
      () => [head, tail],
      () => [head, middle, middle, tail],
      () => [head, tokens[below(tokens.length)]!, text.subarray(at)],
      () => [head, tokens[below(tokens.length)]!, tail],
      () => [tail, middle, head],
    ]
    text = Buffer.concat(kinds[below(kinds.length)]!())
  }
  return text
}
