// Brings files to the disk (fsync), many of them at once where the system can.

import { spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Up to so many files are synced one by one. */
const singlyMax = 64

function syncOne(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Brings the file systems of these directories to the disk with one system call each (syncfs, by the command `sync -f` of
 * Linux). False where there is no such command.
 */
function syncFileSystems(directories: readonly string[]): boolean {
  const oneEach = new Map(directories.map((directory) => [statSync(directory).dev, directory]))
  return [...oneEach.values()].every((directory) => spawnSync('sync', ['-f', directory]).status === 0)
}

/**
 * When it returns, the files and their names are on the disk. The time does not grow with their number where the system can
 * sync a whole file system.
 * @throws what the file system throws
 */
export function syncAll(paths: readonly string[]): void {
  const directories = [...new Set(paths.map((path) => dirname(path)))]
  if (paths.length > singlyMax && syncFileSystems(directories)) return
  for (const path of [...paths, ...directories]) syncOne(path)
}
