// How responses are pushed to a callback address, as the Users who have it say.

import type { Registry } from '../access/parties.ts'
import { type PushTerms, pushTermsOf } from '../access/user-details.ts'

/** Terms by URL in the registry of the moment. Of several Users with one address, the most patient terms. */
export function pushTermsByUrl(registry: () => Registry): (url: string) => PushTerms {
  const byRegistry = new WeakMap<Registry, Map<string, PushTerms>>()
  const none = pushTermsOf({})
  return (url) => {
    const now = registry()
    const terms = byRegistry.get(now) ?? termsIn(now)
    byRegistry.set(now, terms)
    return terms.get(url) ?? none
  }
}

function termsIn({ users }: Registry): Map<string, PushTerms> {
  const terms = new Map<string, PushTerms>()
  for (const user of users) {
    if (user.callback === undefined) continue
    const own = pushTermsOf(user)
    const other = terms.get(user.callback)
    terms.set(user.callback, {
      pushDelayMs: Math.max(own.pushDelayMs, other?.pushDelayMs ?? 0),
      pushTimeoutMs: Math.max(own.pushTimeoutMs, other?.pushTimeoutMs ?? 0),
      pushesAtOnce: Math.min(own.pushesAtOnce, other?.pushesAtOnce ?? own.pushesAtOnce),
    })
  }
  return terms
}
