// What every supported release of Espruino has: the names that RELEASE_2V25 (commit 1dccab89fa8f) and RELEASE_2V29 (commit
// 6106910b8a3d) both declare in their source (the JSON comments of src/jswrap_*.c and libs/*). Later snapshots have more;
// a board with a released build has not. Classes that the meter has no use for are left out.

/** Names separated by spaces. */
function names(text: string): string[] {
  return text.split(' ')
}

export const supportedReleases = ['2v25', '2v29'] as const

/** Globals: functions, variables, classes and objects. */
export const releasedGlobals = names(
  'Array ArrayBuffer ArrayBufferView Boolean DataView Date E Error Float32Array Float64Array Function Infinity Int16Array ' +
    'Int32Array Int8Array InternalError JSON Math Modules NaN Number Object Pin Promise ReferenceError RegExp SPI SPI1 SPI2 ' +
    'Serial Serial1 Serial2 Serial3 String SyntaxError Terminal TypeError USB Uint16Array Uint24Array Uint32Array Uint8Array ' +
    'Uint8ClampedArray analogRead analogWrite arguments atob btoa changeInterval clearInterval clearTimeout clearWatch ' +
    'console decodeURIComponent digitalPulse digitalRead digitalWrite dump echo edit encodeURIComponent eval getPinMode ' +
    'getSerial getTime global globalThis isFinite isNaN load parseFloat parseInt peek16 peek32 peek8 pinMode poke16 poke32 ' +
    'poke8 print process require reset save setBusyIndicator setDeepSleep setInterval setSleepIndicator setTime setTimeout ' +
    'setWatch shiftOut trace undefined',
)

/** Members of constructors, namespaces and modules, by owner. */
export const releasedStatics: { [owner: string]: string[] } = {
  Array: names('isArray'),
  Date: names('now parse'),
  E: names(
    'CRC32 FFT clip dumpFreeList dumpLockedVars dumpStr dumpVariables enableWatchdog getAddressOf getAnalogVRef getBattery ' +
      'getClock getConsole getErrorFlags getFlags getPowerUsage getSizeOf getTemperature hwRand kickWatchdog lockConsole ' +
      'mapInPlace memoryArea nativeCall on pipe reboot reverseByte setBootCode setClock setConsole setDST setFlags ' +
      'setPassword setTimeZone srand sum toArrayBuffer toFlatString toJS toString toUint8Array variance',
  ),
  JSON: names('parse stringify'),
  Math: names(
    'E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil clip cos exp floor log max min pow randInt ' +
      'random round sign sin sqrt tan wrap',
  ),
  Modules: names('addCached getCached removeAllCached removeCached'),
  Number: names('MAX_VALUE MIN_VALUE NEGATIVE_INFINITY NaN POSITIVE_INFINITY'),
  Object: names(
    'assign create defineProperties defineProperty entries fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors ' +
      'getOwnPropertyNames getPrototypeOf keys setPrototypeOf values',
  ),
  Promise: names('all reject resolve'),
  String: names('fromCharCode'),
  console: names('debug error info log warn'),
  process: names('env memory on version'),
}

/** Methods and properties of instances, of whatever class, and of the modules Flash and Storage. */
export const releasedMembers = names(
  // Array, typed arrays, ArrayBuffer, DataView.
  'buffer byteLength byteOffset concat every fill filter find findIndex forEach includes indexOf join length map pop push ' +
    'reduce reverse set shift slice some sort splice subarray unshift ' +
    'getFloat32 getFloat64 getInt16 getInt32 getInt8 getUint16 getUint32 getUint8 ' +
    'setFloat32 setFloat64 setInt16 setInt32 setInt8 setUint16 setUint32 setUint8 ' +
    // Date.
    'getDate getDay getFullYear getHours getIsDST getMilliseconds getMinutes getMonth getSeconds getTime getTimezoneOffset ' +
    'setDate setFullYear setHours setMilliseconds setMinutes setMonth setSeconds setTime toISOString toJSON ' +
    'toLocalISOString toUTCString valueOf ' +
    // Function, Number, Object, Promise, RegExp.
    'apply bind call prototype toFixed addListener clone constructor emit hasOwnProperty on prependListener ' +
    'removeAllListeners removeListener toString catch then exec test ' +
    // String.
    'charAt charCodeAt endsWith lastIndexOf match padEnd padStart repeat replace replaceAll split startsWith substr ' +
    'substring toLowerCase toUpperCase trim ' +
    // Serial, SPI, Pin.
    'available flush inject isConnected pipe print println read setConsole setup unsetup write send getInfo getMode mode ' +
    'toggle ' +
    // Flash and Storage.
    'erasePage getFree getPage compact erase eraseAll getStats hash list open readArrayBuffer readJSON writeJSON',
)
