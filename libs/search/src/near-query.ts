import { numberOf } from './number-query.js';
import { alternatives, cutAt, invalidValue, unescapeValue } from './query-text.js';
import { canonicalUnit } from './units.js';

const EARTH_M = 6_371_008.8;
/** Where the query does not say how far (R4 leaves it to the server), in km. */
const DEFAULT_DISTANCE = '10';

/**
 * `near` of Location: `latitude|longitude|distance|units`, WGS 84, units of UCUM, km where none is said (R4 Location, section 8.7.3.1). Distances
 * are along a sphere, which is right to half a percent. Throws `rejected` SEARCH_VALUE_INVALID.
 */
export function nearQuery(text: string): (resource: object) => boolean {
  const circles = alternatives('near', text).map((value) => {
    const [latitude = '', longitude = '', distance = DEFAULT_DISTANCE, unit = 'km'] = cutAt(value, '|').map(
      unescapeValue,
    );
    const meters = canonicalUnit(unit === '' ? 'km' : unit);
    const said = [latitude, longitude, distance === '' ? DEFAULT_DISTANCE : distance];
    const [at, from, far] = said.map(Number) as [number, number, number];
    if (
      said.some((one) => !/^-?\d{1,5}(\.\d{1,20})?$/.test(one)) ||
      Math.abs(at) > 90 ||
      Math.abs(from) > 180 ||
      meters?.dimension !== 'm1'
    )
      throw invalidValue('near', 'needs latitude|longitude|distance|units, as 48.2|16.37|5|km');
    return { latitude: at, longitude: from, meters: far * meters.factor };
  });
  return (resource) => {
    const { position } = resource as { position?: { latitude?: unknown; longitude?: unknown } };
    const [latitude, longitude] = [numberOf(position?.latitude), numberOf(position?.longitude)];
    if (latitude === undefined || longitude === undefined) return false;
    return circles.some((circle) => distanceM(circle, { latitude, longitude }) <= circle.meters);
  };
}

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** By the haversine formula. */
function distanceM(a: Place, b: Place): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const up = Math.sin(radians(b.latitude - a.latitude) / 2) ** 2;
  const along = Math.sin(radians(b.longitude - a.longitude) / 2) ** 2;
  const chord = up + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * along;
  return 2 * EARTH_M * Math.asin(Math.sqrt(Math.min(1, chord)));
}
