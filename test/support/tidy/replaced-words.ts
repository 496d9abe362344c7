// Words of the code base's former vocabulary, which the field's terms have replaced.

const replaced = /^(doors?|turned|passengers?|errands?|rubbish|hurry|hurries|told|heard|alarms?|carry|visits?)$/

const notCode = /\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g

/** The identifiers of a text that contain a replaced word, apart from strings and comments. */
export function replacedWords(text: string): string[] {
  const names = text.replace(notCode, '').match(/[A-Za-z_]\w*/g) ?? []
  return names.filter((name) => (name.match(/[A-Z]?[a-z]+/g) ?? []).some((part) => replaced.test(part.toLowerCase())))
}
