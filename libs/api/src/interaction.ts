import 'reflect-metadata';
import { SetMetadata } from '@nestjs/common';

/** Interactions of the R4 value sets type-restful-interaction and system-restful-interaction that are routed so far. */
export type InteractionCode =
  | 'read'
  | 'vread'
  | 'history-instance'
  | 'history-type'
  | 'history-system'
  | 'search-type'
  | 'search-system'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'transaction'
  | 'capabilities';

const INTERACTION = 'suture:fhir-interaction';

/** Marks a handler as an interaction, for the CapabilityStatement. */
export const Interaction = (code: InteractionCode): MethodDecorator => SetMetadata(INTERACTION, code);

/** The interactions that the handlers of a controller are marked with, in the order of the class. */
export function interactionsOf(controller: { readonly prototype: object }): InteractionCode[] {
  const codes: InteractionCode[] = [];
  for (const property of Object.values(Object.getOwnPropertyDescriptors(controller.prototype))) {
    const handler: unknown = property.value;
    if (typeof handler !== 'function') continue;
    const code = Reflect.getMetadata(INTERACTION, handler) as InteractionCode | undefined;
    // A marked method is an interaction only where Nest routes it.
    if (code !== undefined && Reflect.hasMetadata('path', handler)) codes.push(code);
  }
  return codes;
}
