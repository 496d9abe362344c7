// The OpenAPI 3.1 document of the control API, made from the table of calls.

import type { JsonSchema } from '../../state/json-schema.ts'
import { version } from '../../state/version.ts'
import { type Call, pathMembers } from './call.ts'
import { calls } from './calls.ts'
import { membersOf } from './shape.ts'

const problem = 'https://www.rfc-editor.org/rfc/rfc9457'

/** Status codes that every call may answer. */
const refusals: { readonly [status: string]: string } = {
  '400': 'the input is not as it must be',
  '401': 'no token, or one that is not valid',
  '403': 'the token has not the scope of this call, or Host or Origin are not of this listener',
  '404': 'what is named does not exist',
  '409': 'it cannot be done as things are',
  '413': 'the body is too large',
  '429': 'too many calls',
}

function parametersOf(call: Call): object[] {
  const inPath = new Set(pathMembers(call))
  const inQuery = call.method === 'GET' || call.method === 'DELETE'
  const required = Array.isArray(call.input.schema.required) ? call.input.schema.required : []
  return Object.entries(membersOf(call.input))
    .filter(([name]) => inPath.has(name) || inQuery)
    .map(([name, schema]) => ({
      name,
      in: inPath.has(name) ? 'path' : 'query',
      required: required.includes(name),
      schema,
    }))
}

/** Schema of a body: the input without what is in the path; undefined for none. */
function bodySchema(call: Call): JsonSchema | undefined {
  if (call.method === 'GET' || call.method === 'DELETE') return undefined
  const inPath = pathMembers(call)
  const members = Object.entries(membersOf(call.input)).filter(([name]) => !inPath.includes(name))
  if (members.length === 0) return undefined
  const { required, ...rest } = call.input.schema
  const left = Array.isArray(required) ? required.filter((name) => !inPath.includes(name)) : []
  return { ...rest, properties: Object.fromEntries(members), ...(left.length > 0 && { required: left }) }
}

function operationOf(call: Call): object {
  const body = bodySchema(call)
  const parameters = parametersOf(call)
  const content = (schema: JsonSchema) => ({ 'application/json': { schema } })
  const errors = Object.keys(refusals).map((status) => [status, { $ref: `#/components/responses/${status}` }])
  return {
    operationId: call.name,
    summary: call.summary,
    description: `Scope: \`${call.scope}\`.`,
    security: [{ token: [call.scope] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: Array.isArray(body.required), content: content(body) } }),
    responses: {
      '200': { description: 'done', content: content(call.output.schema) },
      ...Object.fromEntries(errors),
    },
  }
}

/** The document. `url`: where it is served. */
export function openApiDocument(url: string): object {
  const paths: { [path: string]: { [method: string]: object } } = {}
  for (const one of calls) {
    paths[one.path] = { ...paths[one.path], [one.method.toLowerCase()]: operationOf(one) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'smets1 control API',
      version,
      description:
        'Sees and changes a running bench. Every call needs a token of its scope: `authorization: Bearer TOKEN`. The tokens are ' +
        'in the state directory, in `control/SCOPE.token`, and change with each start.',
    },
    servers: [{ url }],
    paths,
    components: {
      responses: Object.fromEntries(
        Object.entries(refusals).map(([status, description]) => [
          status,
          {
            description,
            content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
        ]),
      ),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Problem: {
          type: 'object',
          description: `What went wrong (${problem}).`,
          properties: { title: { type: 'string' }, status: { type: 'integer' }, detail: { type: 'string' } },
          required: ['title', 'status', 'detail'],
        },
      },
    },
  }
}
