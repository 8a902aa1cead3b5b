import { setFlagsFromString } from 'node:v8';

/** In percent of what is alive after a collection. V8's own choice for heaps of our size is up to 300. */
const HEAP_GROWTH_PERCENT = 100;

/**
 * Lets the heap grow to twice of what is alive before it is collected again, rather than four times. With
 * new patients all the time that is 100 MB less of resident memory for some 5 % more CPU (measured). Of the whole process.
 */
export function limitHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}
