// How a pulse input is named, gpiomon's arguments and output, and which edges are pulses.

import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  headerChip,
  isBanner,
  monitorArguments,
  monitorProblem,
  monitorVersion,
  parseEdge,
} from '../../../hardware/pi/gpiomon.ts'
import { createPulseFilter } from '../../../hardware/pi/pulse-filter.ts'
import type { PulseInput } from '../../../hardware/pi/pulse-input.ts'
import { inputName, parsePulseInput } from '../../../hardware/pi/pulse-input.ts'
import { printedVersion } from '../../support/sim/fake-gpio.ts'

function input(text: string): PulseInput {
  const parsed = parsePulseInput('import', text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

test('an input is a line, and what it leaves out is that of a contact to ground', () => {
  const plain = { kind: 'import', chip: undefined, line: 17, edge: 'falling', pull: 'up', debounceMs: 5 }
  assert.equal(input('GPIO17'), plain)
  assert.equal(input('17'), plain)
  assert.equal(input('gpio17,falling,pull-up,debounce=5'), plain)
  assert.equal(input('17,rising'), { ...plain, edge: 'rising', pull: 'down' })
  assert.equal(input('17,no-pull,rising,debounce=0ms'), { ...plain, edge: 'rising', pull: 'none', debounceMs: 0 })
  assert.is(input('4:17').chip, '/dev/gpiochip4')
  assert.is(input('gpiochip4:GPIO17').chip, '/dev/gpiochip4')
  assert.is(input('/dev/gpiochip4:17').chip, '/dev/gpiochip4')
  assert.is(inputName(input('17')), 'import (GPIO17)')
  assert.is(inputName(input('4:17')), 'import (/dev/gpiochip4:17)')
})

test('a malformed input is reported with the right form', () => {
  const cases: [string, RegExp][] = [
    ['', /names no line/],
    ['GPIO', /names no line/],
    ['PIN17', /names no line/],
    ['17:18:19', /names no line/],
    ['-1', /names no line/],
    ['17,both', /what is "both"/],
    ['17,', /what is ""/],
    ['17,debounce=-1', /what is "debounce=-1"/],
    ['17,constructor', /what is "constructor"/],
    ['17,rising,falling', /the same twice/],
    ['17,pull-up,no-pull', /the same twice/],
    ['17,debounce=0,debounce=0', /the same twice/],
    ['17,debounce=1001', /0 to 1000 ms/],
  ]
  for (const [text, words] of cases) {
    const problem = parsePulseInput('reactive-export', text)
    assert.type(problem, 'string', text)
    assert.match(problem as string, words)
    assert.match(problem as string, '--pulse-reactive-export')
  }
})

test('gpiomon gets the same settings in the options of its version', () => {
  assert.is(monitorVersion(printedVersion[1]), 1)
  assert.is(monitorVersion(printedVersion[2]), 2)
  assert.is(monitorVersion('gpiomon (libgpiod) v3.0'), undefined)
  assert.is(monitorVersion(''), undefined)
  const words = (version: 1 | 2, text: string) => monitorArguments(version, '/dev/gpiochip0', input(text)).join(' ')
  assert.is(words(1, '17'), '--line-buffered --bias=pull-up --format=%e %s %n /dev/gpiochip0 17')
  assert.is(
    words(1, '17,rising,no-pull,debounce=0'),
    '--line-buffered --bias=disable --rising-edge --format=%e %s %n /dev/gpiochip0 17',
  )
  assert.is(
    words(2, '17'),
    '--consumer=smets1 --banner --bias=pull-up --edges=falling --debounce-period=5ms --format=%e %S --chip=/dev/gpiochip0 17',
  )
  assert.is(
    words(2, '17,rising,no-pull,debounce=0'),
    '--consumer=smets1 --banner --bias=disabled --edges=rising --format=%e %S --chip=/dev/gpiochip0 17',
  )
})

test('an edge is read in the form of either version, and nothing else is one', () => {
  assert.equal(parseEdge('1 1700000000 5000000'), { rising: true, atMs: 1700000000005 })
  assert.equal(parseEdge('0 12 7000000'), { rising: false, atMs: 12007 })
  assert.equal(parseEdge('2 12.007000000'), { rising: false, atMs: 12007 })
  assert.equal(parseEdge('1 12.000000000'), { rising: true, atMs: 12000 })
  for (const line of ['', '3 1 1', '1 1', "Monitoring line '17'...", 'event: FALLING EDGE', '1 1.1 ', '-1 1 1']) {
    assert.is(parseEdge(line), undefined, line)
  }
  assert.ok(isBanner("Monitoring line '17'..."))
  assert.not(isBanner('1 1 1'))
})

test('the header of each model of Pi is found by its driver, other chips are not taken for it', () => {
  assert.is(headerChip('gpiochip0 [pinctrl-bcm2835] (54 lines)\n'), '/dev/gpiochip0')
  assert.is(
    headerChip('gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)\n'),
    '/dev/gpiochip0',
  )
  assert.is(
    headerChip('gpiochip0 [gpio-brcmstb@107d508500] (32 lines)\ngpiochip4 [pinctrl-rp1] (54 lines)\n'),
    '/dev/gpiochip4',
  )
  assert.is(headerChip('gpiochip0 [INT34C5:00] (360 lines)\n'), undefined)
  assert.is(headerChip(''), undefined)
})

test('the last error of gpiomon becomes a fix', () => {
  assert.match(
    monitorProblem('gpiomon: unable to request lines on chip /dev/gpiochip0: Device or resource busy'),
    /gpioinfo/,
  )
  assert.match(monitorProblem('gpiomon: error waiting for events: Permission denied'), /usermod -aG gpio/)
  assert.match(monitorProblem("gpiomon: offset 99 is out of range on chip '0'"), /does not take this line/)
  assert.match(monitorProblem('gpiomon: error waiting for events: No such file or directory'), /chip is not there/)
  assert.match(monitorProblem('gpiomon: error waiting for events: Inappropriate ioctl for device'), /no GPIO chip/)
  assert.is(monitorProblem('Segmentation fault'), 'Segmentation fault')
})

test('the filter counts each pulse once, however its contact bounces and however late the edges come', () => {
  const bounces = fc.array(fc.double({ min: 0.01, max: 4.9, noNaN: true }), { maxLength: 6 })
  const pulse = fc.record({
    // Rest before it, and how long it lasts, both longer than the debounce.
    restMs: fc.integer({ min: 5, max: 5000 }),
    lastsMs: fc.integer({ min: 5, max: 200 }),
    begin: bounces,
    end: bounces,
    glitchMs: fc.option(fc.double({ min: 0.01, max: 4.9, noNaN: true })),
  })
  fc.assert(
    fc.property(fc.array(pulse, { maxLength: 30 }), fc.boolean(), (pulses, activeHigh) => {
      const filter = createPulseFilter(activeHigh ? 'rising' : 'falling', 5)
      let nowMs = 1000
      let count = 0
      let level = !activeHigh
      function flip(): void {
        level = !level
        if (filter.edge(level, nowMs)) count += 1
      }
      // An even number of flips leaves the level as it is.
      function settle(times: number[]): void {
        for (const ms of times.slice(0, times.length & ~1)) {
          nowMs += ms
          flip()
        }
      }
      for (const { restMs, lastsMs, begin, end, glitchMs } of pulses) {
        nowMs += restMs
        if (glitchMs !== null) {
          flip()
          nowMs += glitchMs
          flip()
          nowMs += restMs
        }
        flip()
        settle(begin)
        nowMs += lastsMs
        flip()
        settle(end)
      }
      assert.is(count, pulses.length)
    }),
    { seed: 5, numRuns: 500 },
  )
})

test('a meter started within a pulse does not count it; a lost edge loses no later pulse', () => {
  const within = createPulseFilter('falling', 5)
  assert.not(within.edge(true, 1000))
  assert.not(within.edge(false, 2000))
  assert.ok(within.edge(true, 2050))

  const lossy = createPulseFilter('falling', 5)
  assert.not(lossy.edge(false, 1000))
  // The rising edge between was lost.
  assert.ok(lossy.edge(false, 2000))
  assert.ok(lossy.edge(true, 2050))
})

test.run()
