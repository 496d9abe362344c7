import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createRecent } from '../../../host/store/recent.ts'

test('the most recently used half is always there, and no more than the maximum is stored', () => {
  const random = createRandom(3)
  const recent = createRecent<number>(10)
  const used: number[] = []
  for (let step = 0; step < 5000; step++) {
    const key = random.below(30)
    const found = recent.get(String(key))
    const lastFive = [...new Set(used.slice().reverse())].slice(0, 5)
    if (lastFive.includes(key)) assert.is(found, key)
    if (found === undefined) recent.set(String(key), key)
    used.push(key)
    assert.ok([...recent.entries()].length <= 11)
  }
})

test('what must stay stays, at a cost that does not grow with it', () => {
  const recent = createRecent<{ stays: boolean }>(4, (value) => value.stays)
  const count = 20_000
  const values = Array.from({ length: count }, () => ({ stays: true }))
  for (const [index, value] of values.entries()) recent.set(String(index), value)
  for (const [index, value] of values.entries()) assert.is(recent.get(String(index)), value)
  for (const value of values) value.stays = false
  for (let index = 0; index < 2 * count; index++) recent.set(`new ${index}`, { stays: false })
  assert.ok([...recent.entries()].length <= 6)
})

test('a key is listed once, with its newest value, and deleted from everywhere', () => {
  const recent = createRecent<number>(4)
  for (const value of [1, 2, 3]) {
    recent.set('a', value)
    for (const other of ['b', 'c']) recent.set(other, value)
  }
  assert.equal(new Map(recent.entries()).get('a'), recent.get('a'))
  assert.is([...recent.entries()].filter(([key]) => key === 'a').length, 1)
  recent.delete('a')
  assert.is(recent.get('a'), undefined)
})

test.run()
