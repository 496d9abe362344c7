// Functions of more than 70 lines. This list may only shrink: a function leaves it when it is split, and none is added.

export const longFunctions: Readonly<Record<string, number>> = {
  'firmware/journal.ts take': 77,
  'host/cache/daily-reads.ts createDailyReadThrough': 125,
  'host/cache/hourly-keys.ts openHourlyKeys': 93,
  'host/cache/reading-cache.ts createReadingCache': 77,
  'host/delivery/delivery.ts createDelivery': 116,
  'host/duis/plain-xml.ts readPlainXml': 71,
  'emulation/bench.ts createBench': 86,
  'test/bench/bridge.ts bridge': 80,
  'test/conformance/dcc-keys.test.ts function': 137,
  'test/host/wan/many-meters.test.ts bench': 74,
  'test/support/bench/fleet-bench.ts createFleetBench': 89,
  'test/support/bench/kill-bench.ts killBridge': 117,
  'test/support/espruino/shim.ts createEspruinoShim': 132,
  'test/support/model/cddl.ts parseCddl': 80,
  'test/support/sim/asker.ts createAsker': 97,
  'test/support/sim/tapped-line.ts createTappedLine': 74,
  'test/system/espruino-bundle.test.ts bench': 77,
}

/** Parameter objects of more than ten members. This list may only shrink, too. */
export const largeParameters: Readonly<Record<string, number>> = {
  'hardware/cli/flash-options.ts FlashOptions': 12,
  'hardware/cli/meter-options.ts MeterOptions': 11,
  'emulation/bench.ts BenchOptions': 11,
}
