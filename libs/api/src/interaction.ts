import 'reflect-metadata';
import { RequestMethod, SetMetadata } from '@nestjs/common';

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

/** One address that a handler answers. */
export interface Route {
  readonly method: string;
  /** From the root, as `/fhir/:type/:id`. */
  readonly path: string;
  readonly handler: string;
  readonly interaction: InteractionCode | undefined;
}

type ControllerClass = { readonly prototype: object };

/** The addresses of a controller, in the order of the class. */
export function routesOf(controller: ControllerClass): Route[] {
  const roots = pathsOf(controller);
  const routes: Route[] = [];
  for (const [handler, property] of Object.entries(Object.getOwnPropertyDescriptors(controller.prototype))) {
    const method: unknown = property.value;
    // A marked method is an interaction only where Nest routes it.
    if (typeof method !== 'function' || !Reflect.hasMetadata('method', method)) continue;
    const interaction = Reflect.getMetadata(INTERACTION, method) as InteractionCode | undefined;
    const verb = RequestMethod[Reflect.getMetadata('method', method) as RequestMethod];
    for (const root of roots) {
      for (const path of pathsOf(method)) {
        const parts = `${root}/${path}`.split('/').filter((part) => part !== '');
        routes.push({ method: verb, path: `/${parts.join('/')}`, handler, interaction });
      }
    }
  }
  return routes;
}

/** Where Nest's decorators say that something is. */
function pathsOf(target: object): string[] {
  return [Reflect.getMetadata('path', target) as string | string[]].flat();
}

/** The interactions that the handlers of a controller are marked with, in the order of the class. */
export function interactionsOf(controller: ControllerClass): InteractionCode[] {
  const codes = routesOf(controller).map(({ interaction }) => interaction);
  return [...new Set(codes)].filter((code) => code !== undefined);
}
