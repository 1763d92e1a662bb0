import type { Resource } from '../../store/resources.ts';
import type { JsonSchema } from '../config/shape.ts';
import { etagOf } from '../precondition.ts';
import { viewOf } from '../present.ts';
import type { Answer, AnswerSchema } from '../router.ts';

/** A resource with its ETag. */
export function shown(resource: Resource): Answer {
  return { body: viewOf(resource), headers: { etag: etagOf(resource) } };
}

/** A new resource with its ETag and where it is. */
export function created(resource: Resource, location: string): Answer {
  return { status: 201, body: viewOf(resource), headers: { etag: etagOf(resource), location: `/api/v1${location}` } };
}

export const gone: Answer = { status: 204 };

export function answers(status: 200 | 201, description: string, schema: JsonSchema): Readonly<Record<number, AnswerSchema>> {
  return { [status]: { description, schema } };
}

export const goneAnswer: Readonly<Record<number, AnswerSchema>> = { 204: { description: 'Done; there is nothing more to say.' } };
